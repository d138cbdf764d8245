//! `tradeup generate`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::shopify_export::HEADER;

/// Make synthetic data.
#[derive(Subcommand)]
pub(crate) enum Generate {
    /// Write a customer export as Shopify writes it, with invented people.
    Members(Members),
}

/// Write a customer export as Shopify writes it, with invented people. The same seed gives the same
/// file.
#[derive(Args)]
pub(crate) struct Members {
    /// How many customers.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tags that mean a tier; one in ten customers has none of them.
    #[arg(long = "tag", value_name = "TAG", default_values = ["vip-gold", "vip-silver", "vip"])]
    tags: Vec<String>,
    /// File to write; standard output, if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const FIRST_NAMES: [&str; 16] = [
    "Ada", "Björn", "Chloé", "Dmitri", "Emeka", "Fatima", "Grażyna", "Hiroshi", "Inês", "Jürgen", "Kavya",
    "Lượng", "Maeve", "Noor", "Óscar", "美咲",
];
const LAST_NAMES: [&str; 16] = [
    "Abebe",
    "Brontë",
    "Castañeda",
    "D'Angelo",
    "Eze",
    "Fernández",
    "Grześkowiak",
    "Hansen",
    "Iyer",
    "Jónsdóttir",
    "Kowalski",
    "Lefèvre",
    "Müller",
    "Nguyễn",
    "O'Neill",
    "田中",
];
const CITIES: [(&str, &str, &str); 6] = [
    ("Elko", "NV", "US"),
    ("Berlin", "", "DE"),
    ("Recife", "PE", "BR"),
    ("大阪市", "JP-27", "JP"),
    ("Leeds", "", "GB"),
    ("Pune", "MH", "IN"),
];
const NOTES: [&str; 6] =
    ["", "", "", "Asked for \"the usual\"", "Calls, never writes", "Likes:\n- foils\n- first editions"];

impl Generate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Members(members) = self;
        match &members.out {
            Some(path) => {
                let file = std::fs::File::create(path)
                    .with_context(|| format!("{} can't be written", path.display()))?;
                members.write(io::BufWriter::new(file))?;
            }
            None => members.write(io::stdout().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Members {
    fn write(&self, out: impl Write) -> anyhow::Result<()> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(HEADER)?;
        // Customer ids as Shopify gives them out: large, rising, with gaps.
        let mut customer_id = 7_000_000_000_000 + self.seed.wrapping_mul(1_000_003) % 1_000_000_000;
        for n in 0..self.count {
            customer_id += random.random_range(1..4_096);
            let mut pick = |from: &[&'static str]| from.choose(&mut random).copied().unwrap_or_default();
            let (first, last, note) = (pick(&FIRST_NAMES), pick(&LAST_NAMES), pick(&NOTES));
            let (city, province, country) = CITIES.choose(&mut random).copied().unwrap_or_default();
            let tag = (random.random_range(0..10) > 0).then(|| self.tags.choose(&mut random)).flatten();
            let tags = match tag {
                Some(tag) if random.random_bool(0.5) => format!("newsletter, {tag}"),
                Some(tag) => tag.clone(),
                None => "newsletter".to_owned(),
            };
            let number = random.next_u32();
            let accepts = if random.random_bool(0.6) { "yes" } else { "no" };
            writer.write_record([
                &format!("'{customer_id}"),
                first,
                last,
                &format!("customer{n}.{number:08x}@example.com"),
                accepts,
                "",
                &format!("{} Main Street", number % 900 + 1),
                "",
                city,
                province,
                country,
                &format!("'{:05}", number % 100_000),
                "",
                &format!("'+1555{:07}", number % 10_000_000),
                "no",
                &format!("{}.{:02}", number % 4_000, number % 100),
                &(number % 40).to_string(),
                note,
                "no",
                &tags,
            ])?;
        }
        writer.flush()?;
        Ok(())
    }
}
