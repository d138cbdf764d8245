//! When bought memberships run (loyalty reference §1.8).

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::membership::membership_until;

/// A membership that a member has bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purchase<'a> {
    /// The order that bought it.
    pub order: &'a str,
    /// Number of the tier.
    pub tier_id: i32,
    /// Rank of the tier; 1 is the highest.
    pub rank: i32,
    /// When it was paid.
    pub bought_at: DateTime<Utc>,
    /// For how many months, less what was refunded; 0 if all of it was.
    pub months: u16,
}

/// When a bought membership runs: from an instant to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
    /// Until when the same tier goes on without a break, with what was bought to follow.
    pub unbroken_until: DateTime<Utc>,
}

/// A tier's memberships that follow one another without a break.
struct Chain {
    tier_id: i32,
    rank: i32,
    first_day: NaiveDate,
    months: u16,
    until: DateTime<Utc>,
    /// Which purchases it is of.
    links: Vec<usize>,
}

/// When each of a member's purchases runs; `None` for what was refunded.
///
/// In the order in which they were paid: one begins at once, or when what is running of the same tier or of a higher
/// one ends. So a renewal extends, whoever has a higher tier and buys a lower one is not lowered and loses nothing, and
/// a higher tier begins at once. Months count from the first day of what follows without a break.
#[must_use]
pub fn running(purchases: &[Purchase<'_>], zone: Tz) -> Vec<Option<Running>> {
    let mut by_time: Vec<usize> = (0..purchases.len()).collect();
    by_time.sort_by_key(|at| (purchases[*at].bought_at, purchases[*at].order, purchases[*at].rank));
    let mut runs = vec![None; purchases.len()];
    let mut chains: Vec<Chain> = Vec::new();
    for at in by_time {
        let bought = &purchases[at];
        if bought.months == 0 {
            continue;
        }
        let ahead = chains.iter().filter(|chain| chain.rank <= bought.rank).map(|chain| chain.until).max();
        let from = ahead.map_or(bought.bought_at, |until| until.max(bought.bought_at));
        let follows = chains.iter().position(|chain| chain.tier_id == bought.tier_id && chain.until == from);
        let chain = match follows {
            Some(own) => &mut chains[own],
            None => {
                chains.push(Chain {
                    tier_id: bought.tier_id,
                    rank: bought.rank,
                    first_day: from.with_timezone(&zone).date_naive(),
                    months: 0,
                    until: from,
                    links: Vec::new(),
                });
                let last = chains.len() - 1;
                &mut chains[last]
            }
        };
        chain.months = chain.months.saturating_add(bought.months);
        // Past the end of the calendar nothing is added.
        let until = membership_until(chain.first_day, chain.months, zone).unwrap_or(chain.until);
        chain.until = until.max(from);
        chain.links.push(at);
        runs[at] = Some(Running { from, until: chain.until, unbroken_until: chain.until });
    }
    for chain in &chains {
        for link in &chain.links {
            if let Some(run) = &mut runs[*link] {
                run.unbroken_until = chain.until;
            }
        }
    }
    runs
}
