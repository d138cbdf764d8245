//! Two members who become one, as another system asks for it: what may be asked.

use crate::grant::REASON_MAX;
use crate::order::check_member;

/// A merge, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The customer id that is no more.
    pub old_member_external_id: String,
    /// The customer id that is kept.
    pub kept_member_external_id: String,
    /// Why, in words for people.
    pub reason: Option<String>,
}

/// What is wrong with a merge. Each names the field and the fix, and none repeats what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// No customer id.
    #[error(
        "field old_member_external_id is no customer id; give that of the customer who is no more, as text"
    )]
    Old,
    /// No customer id.
    #[error(
        "field kept_member_external_id is no customer id; give that of the customer who is kept, as text"
    )]
    Kept,
    /// Twice the same.
    #[error("fields old_member_external_id and kept_member_external_id are the same; give two customers")]
    Same,
    /// A reason that is too long.
    #[error(
        "field reason is too long or has control characters; give up to {REASON_MAX} characters on one line, or leave it out"
    )]
    Reason,
}

impl Merge {
    /// Checks what can be known without looking anything up.
    ///
    /// # Errors
    /// [`MergeError`], naming the first field that is wrong.
    pub fn checked(self) -> Result<Self, MergeError> {
        check_member(&self.old_member_external_id).map_err(|_given| MergeError::Old)?;
        check_member(&self.kept_member_external_id).map_err(|_given| MergeError::Kept)?;
        if self.old_member_external_id == self.kept_member_external_id {
            return Err(MergeError::Same);
        }
        let line = |text: &str| text.chars().count() <= REASON_MAX && !text.chars().any(char::is_control);
        if !self.reason.as_deref().is_none_or(line) {
            return Err(MergeError::Reason);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_field_is_named() {
        let merge = |old: &str, kept: &str, reason: &str| {
            Merge {
                old_member_external_id: old.to_owned(),
                kept_member_external_id: kept.to_owned(),
                reason: Some(reason.to_owned()),
            }
            .checked()
            .map(|_good| ())
        };
        assert_eq!(merge("7", "8", "one person"), Ok(()));
        assert_eq!(merge("", "8", ""), Err(MergeError::Old));
        assert_eq!(merge("7", "a b", ""), Err(MergeError::Kept));
        assert_eq!(merge("7", "7", ""), Err(MergeError::Same));
        assert_eq!(merge("7", "8", "two\nlines"), Err(MergeError::Reason));
    }
}
