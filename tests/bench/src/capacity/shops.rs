//! Shops of several sizes that together have so many members.

use clap::ValueEnum;
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;

use super::float;

/// How members are spread over shops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sizes {
    /// All alike.
    Equal,
    /// The n-th largest has the n-th part of the largest.
    Zipf,
    /// One has half of all members, the others share the rest.
    OneHuge,
}

impl Sizes {
    pub(super) const ALL: [Self; 3] = [Self::Equal, Self::Zipf, Self::OneHuge];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Zipf => "zipf",
            Self::OneHuge => "one huge",
        }
    }

    /// Members of each shop, in an order that has nothing to do with their size.
    pub(super) fn shops(self, shops: u32, members: u64, seed: u64) -> Vec<u64> {
        let weights: Vec<f64> = match self {
            Self::Equal => vec![1.0; shops as usize],
            Self::Zipf => (1..=shops).map(|n| f64::from(n).recip()).collect(),
            Self::OneHuge => {
                let others = f64::from(shops.saturating_sub(1)).max(1.0);
                (0..shops).map(|n| if n == 0 { others } else { 1.0 }).collect()
            }
        };
        let mut sizes = shared_out(members, &weights);
        sizes.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
        sizes
    }
}

/// Parts of a whole by their weights, which add up to it exactly: each gets what is due to it and to those before it,
/// less what those got.
fn shared_out(whole: u64, weights: &[f64]) -> Vec<u64> {
    let sum: f64 = weights.iter().sum();
    let (mut due, mut given) = (0.0, 0);
    let mut parts = Vec::with_capacity(weights.len());
    for (n, weight) in weights.iter().enumerate() {
        due += weight;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between zero and the whole"
        )]
        let until =
            if n + 1 == weights.len() { whole } else { (float(whole) * due / sum).round().max(0.0) as u64 };
        let until = until.clamp(given, whole);
        parts.push(until - given);
        given = until;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_lost_and_nobody_twice() {
        for sizes in Sizes::ALL {
            for (shops, members) in [(1, 5), (3, 10), (1000, 1_000_000), (100, 7)] {
                let parts = sizes.shops(shops, members, 1);
                assert_eq!(parts.len(), shops as usize, "{sizes:?}");
                assert_eq!(parts.iter().sum::<u64>(), members, "{sizes:?} {shops} {members}");
                assert_eq!(parts, sizes.shops(shops, members, 1), "the same seed, the same order");
            }
        }
    }

    #[test]
    fn sizes_are_as_they_say() {
        let most = |sizes: Sizes| sizes.shops(1000, 1_000_000, 1).into_iter().max().unwrap();
        assert_eq!(most(Sizes::Equal), 1000);
        assert_eq!(most(Sizes::OneHuge), 500_000);
        // One over the sum of the first thousand parts.
        assert!((133_000..134_500).contains(&most(Sizes::Zipf)), "{}", most(Sizes::Zipf));
    }
}
