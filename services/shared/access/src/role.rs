//! Roles, and what each may do.

use std::fmt;
use std::str::FromStr;

/// What a person of the console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Looks at everything, and changes nothing.
    Viewer,
    /// Runs the engine: retries, cancels, replays, pauses, triggers.
    Operator,
    /// Also says who may do what, and moves money by hand.
    Admin,
    /// A shop's own staff: looks at that shop alone.
    Shop,
}

/// A kind of act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Looking at what belongs to one tenant.
    SeeTenant,
    /// Looking at what belongs to all of them, and to the engine.
    SeeAll,
    /// Reading what shops told, word for word: it holds people's names and addresses. Whoever looks after the engine has
    /// to, and a shop's staff know their own customers; who only looks on need not.
    ReadBodies,
    /// Setting runs going, stopping them, pausing.
    Operate,
    /// Giving credit by hand, and taking a month's back.
    MoveMoney,
    /// Users and tokens.
    Administer,
}

/// Every role, the one that may least first.
const ALL: [Role; 4] = [Role::Shop, Role::Viewer, Role::Operator, Role::Admin];

/// No role has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role; give viewer, operator, admin or shop")]
pub struct UnknownRole(String);

impl Role {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Shop => "shop",
        }
    }

    /// Whether it may do this. A shop's staff may see their tenant; which one that is, their account says.
    #[must_use]
    pub fn may(self, act: Act) -> bool {
        match act {
            Act::SeeTenant => true,
            Act::SeeAll => self != Self::Shop,
            Act::ReadBodies => self != Self::Viewer,
            Act::Operate => matches!(self, Self::Operator | Self::Admin),
            Act::MoveMoney | Act::Administer => self == Self::Admin,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_more_may_all_that_who_may_less_may() {
        let acts = [Act::SeeTenant, Act::SeeAll, Act::Operate, Act::Administer];
        for pair in ALL.windows(2) {
            for act in acts {
                assert!(!pair[0].may(act) || pair[1].may(act), "{pair:?} {act:?}");
            }
        }
        assert_eq!(acts.map(|act| Role::Shop.may(act)), [true, false, false, false]);
        assert_eq!(acts.map(|act| Role::Viewer.may(act)), [true, true, false, false]);
        assert!(!Role::Operator.may(Act::Administer));
        assert_eq!(ALL.map(|role| role.may(Act::ReadBodies)), [true, false, true, true]);
    }

    #[test]
    fn names_come_back() {
        for role in ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().to_string().contains("viewer"));
    }
}
