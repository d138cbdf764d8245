//! The words of a mail, from files and to files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tradeup_mail::{Locale, TemplateSource, built_in_source};
use tradeup_store::mail_templates::StoredTemplate;

/// A template has three parts, one file each in a folder.
const FILES: [&str; 3] = ["subject.txt", "body.txt", "body.html"];
/// More is no template.
const FILE_BYTES_MAX: u64 = 200_000;

/// Where the words are. A part that is not given stays as it is in use.
#[derive(Args)]
pub(super) struct Files {
    /// Folder with subject.txt, body.txt and body.html, as `show --out` writes them.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["subject", "text", "html"])]
    from: Option<PathBuf>,
    /// File with the subject: one line.
    #[arg(long, value_name = "FILE")]
    subject: Option<PathBuf>,
    /// File with the plain text part.
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// File with the HTML part.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Files {
    /// Whether any is given.
    pub(super) fn any(&self) -> bool {
        self.from.is_some() || self.subject.is_some() || self.text.is_some() || self.html.is_some()
    }

    /// The words, the others as they are.
    pub(super) fn read(&self, mut words: TemplateSource) -> anyhow::Result<TemplateSource> {
        let [mut subject, mut text, mut html] = [self.subject.clone(), self.text.clone(), self.html.clone()];
        if let Some(folder) = &self.from {
            let [a, b, c] = FILES.map(|name| folder.join(name));
            (subject, text, html) = (Some(a), Some(b), Some(c));
        }
        if let Some(path) = subject {
            // An editor ends the line.
            words.subject = read(&path)?.trim_end_matches(['\n', '\r']).to_owned();
        }
        if let Some(path) = text {
            words.text = read(&path)?;
        }
        if let Some(path) = html {
            words.html = read(&path)?;
        }
        Ok(words)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let size = fs::metadata(path).with_context(|| format!("{} can't be read", path.display()))?.len();
    ensure!(size <= FILE_BYTES_MAX, "{} has more than {FILE_BYTES_MAX} bytes", path.display());
    fs::read_to_string(path).with_context(|| format!("{} can't be read as UTF-8 text", path.display()))
}

/// Writes the parts into a folder.
pub(super) fn write(folder: &Path, parts: [&str; 3]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    for (name, part) in FILES.into_iter().zip(parts) {
        let path = folder.join(name);
        let end = if part.ends_with('\n') { "" } else { "\n" };
        fs::write(&path, format!("{part}{end}"))
            .with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(())
}

/// A language that mails can be in.
pub(crate) fn language(text: &str) -> anyhow::Result<Locale> {
    let locale = Locale::parse(text);
    if !locale.tag().eq_ignore_ascii_case(&text.trim().replace('_', "-")) {
        bail!("{text:?} is no language tag that is known; write it like de or de-CH");
    }
    Ok(locale)
}

/// The words in use for a language: the shop's, with their version, or the built-in ones.
pub(super) fn in_use(stored: Vec<StoredTemplate>, locale: &Locale) -> (Option<i32>, TemplateSource) {
    match stored.into_iter().find(|template| template.locale == locale.tag()) {
        Some(own) => {
            let source = TemplateSource { subject: own.subject, text: own.body_text, html: own.body_html };
            (Some(own.version), source)
        }
        None => (None, built_in_source(locale)),
    }
}
