//! `tradeup mail template`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::Money;
use tradeup_mail::{
    ExpiringLot, ExpiryDigest, Locale, RenderedMail, Template as Checked, TemplateSource, last_valid_day,
};
use tradeup_store::mail_templates::{self, NewTemplate, StoredTemplate};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Tx, audit, schedules};

use super::words::{self, Files};
use crate::Context;
use crate::commands::tenant_by_handle;
use crate::commands::who::Who;

/// The words of a shop's mails. Variables and tags: docs/mail.md.
#[derive(Subcommand)]
pub(crate) enum Template {
    /// Show the words in use, or write them into a folder to be edited.
    Show(Show),
    /// Take words from files, once they pass every check.
    Set(Set),
    /// Go back to the built-in words.
    Reset(Reset),
    /// Show a mail with made-up amounts, in the words in use or in those of files.
    Preview(Preview),
}

/// Which words.
#[derive(Args)]
struct Which {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// Language, like de or de-CH; the shop's, if it is not said.
    #[arg(long, value_name = "LANGUAGE", value_parser = words::language)]
    locale: Option<Locale>,
}

/// Show the words in use.
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
    /// Write subject.txt, body.txt and body.html into this folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Take words from files.
#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    who: Who,
}

/// Go back to the built-in words.
#[derive(Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    who: Who,
}

/// Show a mail with made-up amounts.
#[derive(Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    files: Files,
    /// Write subject.txt, body.txt and body.html into this folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print the HTML part instead of the text part.
    #[arg(long = "as-html")]
    as_html: bool,
}

impl Template {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(show) => show.run(context).await,
            Self::Set(set) => set.run(context).await,
            Self::Reset(reset) => reset.run(context).await,
            Self::Preview(preview) => preview.run(context).await,
        }
    }
}

/// What a command on a template begins with.
struct Begun {
    tx: Tx,
    tenant: Tenant,
    locale: Locale,
    stored: Vec<StoredTemplate>,
}

impl Which {
    async fn begin(self, context: &Context) -> anyhow::Result<Begun> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let locale = self.locale.unwrap_or_else(|| Locale::parse(&tenant.locale));
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let stored = mail_templates::active(&mut tx, tenant.id).await?;
        Ok(Begun { tx, tenant, locale, stored })
    }
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Begun { tx, tenant, locale, stored } = self.which.begin(context).await?;
        tx.rollback().await?;
        let others: Vec<String> = stored.iter().map(|template| template.locale.clone()).collect();
        let (version, source) = words::in_use(stored, &locale);
        if let Some(folder) = &self.out {
            words::write(folder, [&source.subject, &source.text, &source.html])?;
        }
        let value = json!({ "tenant": tenant.handle, "locale": locale.tag(), "version": version,
            "subject": source.subject, "text": source.text, "html": source.html, "own": others });
        context.output().show(&value, || {
            let whose = version.map_or_else(|| "built-in".to_owned(), |version| format!("version {version}"));
            let heading = format!("{} of {}, {whose}", locale.tag(), tenant.handle);
            match &self.out {
                Some(folder) => {
                    format!("{heading}: subject.txt, body.txt and body.html are in {}", folder.display())
                }
                None => format!(
                    "{heading}\n\n--- subject ---\n{}\n--- text ---\n{}\n--- html ---\n{}",
                    source.subject, source.text, source.html
                ),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(self.files.any(), "name the files: --from FOLDER, or --subject, --text, --html FILE");
        let Begun { mut tx, tenant, locale, stored } = self.which.begin(context).await?;
        let (before, source) = words::in_use(stored, &locale);
        let source = self.files.read(source)?;
        check(&locale, &source)?;
        let actor = self.who.actor();
        let tag = locale.tag();
        let new = NewTemplate {
            locale: &tag,
            subject: &source.subject,
            body_text: &source.text,
            body_html: &source.html,
            by: &actor.name,
        };
        let version = mail_templates::set(&mut tx, tenant.id, &new).await?;
        let subject = json!({ "tenant": tenant.handle, "locale": tag, "version": version, "before": before });
        audit::record(&mut tx, &actor, "mail template set", &subject).await?;
        tx.commit().await?;
        let value = json!({ "tenant": tenant.handle, "locale": tag, "version": version });
        context.output().show(&value, || {
            format!("Mails of {} in {tag} have these words from now on (version {version}).", tenant.handle)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Reset {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Begun { mut tx, tenant, locale, .. } = self.which.begin(context).await?;
        let (actor, tag) = (self.who.actor(), locale.tag());
        if !mail_templates::reset(&mut tx, tenant.id, &tag).await? {
            bail!("{} has no words of its own in {tag}; nothing was changed", tenant.handle);
        }
        let subject = json!({ "tenant": tenant.handle, "locale": tag });
        audit::record(&mut tx, &actor, "mail template reset", &subject).await?;
        tx.commit().await?;
        let value = json!({ "tenant": tenant.handle, "locale": tag, "version": null });
        context
            .output()
            .show(&value, || format!("Mails of {} in {tag} have the built-in words again.", tenant.handle))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Preview {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Begun { mut tx, tenant, locale, stored } = self.which.begin(context).await?;
        let now = schedules::now(&mut tx).await?;
        tx.rollback().await?;
        let (_, source) = words::in_use(stored, &locale);
        let template = check(&locale, &self.files.read(source)?)?;
        let mail = sample(&template, &tenant, locale, now)?;
        if let Some(folder) = &self.out {
            words::write(folder, [&mail.subject, &mail.text, &mail.html])?;
        }
        let value = json!({ "tenant": tenant.handle, "locale": mail.locale.tag(), "subject": mail.subject,
            "text": mail.text, "html": mail.html });
        context.output().show(&value, || match &self.out {
            Some(folder) => format!("subject.txt, body.txt and body.html are in {}", folder.display()),
            None if self.as_html => mail.html.clone(),
            None => format!("{}\n\n{}", mail.subject, mail.text),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn check(locale: &Locale, source: &TemplateSource) -> anyhow::Result<Checked> {
    Checked::parse(locale.clone(), &source.subject, &source.text, &source.html)
        .context("the template is not taken; nothing was changed")
}

/// A mail of the shop with two lots, as a member with a first name gets it.
fn sample(
    template: &Checked,
    tenant: &Tenant,
    locale: Locale,
    now: DateTime<Utc>,
) -> anyhow::Result<RenderedMail> {
    let settings = tenant.settings()?;
    let lot = |amount_minor, days| ExpiringLot {
        left: Money { amount_minor, currency: settings.currency },
        last_valid_day: last_valid_day(now + TimeDelta::days(days), settings.zone),
    };
    let digest = ExpiryDigest {
        shop_name: tenant.name.clone(),
        shop_url: tenant.shop_url.as_deref().map(str::parse).transpose()?,
        locale,
        zone: settings.zone,
        lots: vec![lot(1250, 3), lot(400, 6)],
        first_name: Some("Alex".to_owned()),
        unsubscribe: "https://app.example/unsubscribe?token=preview".parse()?,
    };
    Ok(template.render(&digest)?)
}
