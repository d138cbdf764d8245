mod cashback;
mod documents;
mod enrolment;
mod purchase;

use super::RuleError;

/// What is wrong, as people see it.
fn said<T: std::fmt::Debug>(read: Result<T, Vec<RuleError>>) -> Vec<String> {
    read.unwrap_err().iter().map(ToString::to_string).collect()
}
