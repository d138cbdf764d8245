//! What a shop's mails have in common.

use tradeup_domain::ErrorCode;
use tradeup_mail::{Address, Locale, Template, WebLink, built_in_languages};
use tradeup_store::{TenantId, Tx, mail_templates, tenants};
use tradeup_worker::TaskError;

/// A shop's name, links and words, as they are now.
pub(crate) struct Letterhead {
    pub(crate) tenant: TenantId,
    pub(crate) shop_name: String,
    pub(crate) shop_url: Option<WebLink>,
    pub(crate) reply_to: Option<Address>,
    /// The shop's own templates by language tag.
    templates: Vec<(String, Template)>,
}

impl Letterhead {
    /// Reads it.
    ///
    /// A shop's template that is not taken any more fails all its mails, loudly: the built-in words would
    /// say something that the shop did not want said.
    pub(crate) async fn read(tx: &mut Tx, tenant: TenantId) -> Result<Self, TaskError> {
        let shop = tenants::by_id(tx, tenant)
            .await?
            .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "there is no such tenant"))?;
        let wrong = |setting: &str, error: String| {
            TaskError::permanent(ErrorCode::TenantSettings, format!("the shop's {setting}: {error}"))
        };
        let shop_url = shop.shop_url.map(|url| url.parse::<WebLink>()).transpose();
        let reply_to = shop.reply_to.map(|address| address.parse::<Address>()).transpose();
        let mut templates = Vec::new();
        for stored in mail_templates::active(tx, tenant).await? {
            let locale = Locale::parse(&stored.locale);
            let template =
                Template::parse(locale, &stored.subject, &stored.body_text, &stored.body_html).map_err(|error| {
                    TaskError::permanent(
                        ErrorCode::MailUnrenderable,
                        format!(
                            "version {} of the shop's template in {} is not taken: {error}; set another, or reset it: \
                             tradeup mail template",
                            stored.version, stored.locale
                        ),
                    )
                })?;
            templates.push((stored.locale, template));
        }
        Ok(Self {
            tenant,
            shop_name: shop.name,
            shop_url: shop_url.map_err(|error| wrong("shop_url", error.to_string()))?,
            reply_to: reply_to.map_err(|error| wrong("reply_to", error.to_string()))?,
            templates,
        })
    }

    /// The words for a reader: the shop's in their language; ours in it; the shop's in English; ours.
    pub(crate) fn template(&self, locale: &Locale) -> Result<Template, TaskError> {
        let tag = locale.tag();
        let language = tag.split('-').next().unwrap_or_default();
        let own = |wanted: &str| {
            self.templates.iter().find(|(tag, _)| tag == wanted).map(|(_, template)| template.clone())
        };
        if let Some(template) = own(&tag).or_else(|| own(language)) {
            return Ok(template);
        }
        if !built_in_languages().contains(&language)
            && let Some(template) = own(Locale::ENGLISH.tag().as_str())
        {
            return Ok(template);
        }
        Template::built_in(locale)
            .map_err(|error| TaskError::permanent(ErrorCode::MailUnrenderable, error.to_string()))
    }
}
