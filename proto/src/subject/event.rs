//! Subjects of events: `events.<tenant>.<source>.<topic>`, each token encoded.

use super::{SubjectError, decode, encode};

/// The subjects of the stream of events. Wider than the grammar, so that an event on a subject that is
/// not quite right is kept and named instead of vanishing.
pub const ALL: &str = "events.>";

/// The parts of an event's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSubject {
    /// Handle of the tenant that it is about.
    pub tenant: String,
    /// The system that says so.
    pub source: String,
    /// What happened.
    pub topic: String,
}

/// Why a subject is no event's. None repeats what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventSubjectError {
    /// Too few parts, or too many.
    #[error(
        "the subject has {parts} parts, an event's has 4: events.<tenant>.<source>.<topic>; a dot inside of a name is written =2E, as in events.aurora-cards.till.credit=2Erequested"
    )]
    Parts {
        /// How many it has.
        parts: usize,
    },
    /// A part that [`encode`] does not write.
    #[error(
        "the {part} in the subject is not encoded; letters, digits, - and _ stay, every other byte is written =XX in upper-case hexadecimal, and no more than 128 bytes are one name"
    )]
    NotEncoded {
        /// Which.
        part: &'static str,
    },
    /// A name with control characters in it.
    #[error("the {part} in the subject has control characters; give it a name that can be read")]
    Control {
        /// Which.
        part: &'static str,
    },
}

impl EventSubject {
    /// The subject of events of this kind.
    ///
    /// # Errors
    /// As [`encode`], for any of the three.
    pub fn build(tenant: &str, source: &str, topic: &str) -> Result<String, SubjectError> {
        Ok(format!("events.{}.{}.{}", encode(tenant)?, encode(source)?, encode(topic)?))
    }

    /// Reads a subject.
    ///
    /// # Errors
    /// [`EventSubjectError`].
    pub fn parse(subject: &str) -> Result<Self, EventSubjectError> {
        let tokens: Vec<&str> = subject.split('.').collect();
        let ["events", tenant, source, topic] = tokens.as_slice() else {
            return Err(EventSubjectError::Parts { parts: tokens.len() });
        };
        let read = |part: &'static str, token: &str| {
            let name = decode(token).map_err(|_given| EventSubjectError::NotEncoded { part })?;
            if name.chars().any(char::is_control) {
                return Err(EventSubjectError::Control { part });
            }
            Ok(name)
        };
        Ok(Self {
            tenant: read("tenant", tenant)?,
            source: read("source", source)?,
            topic: read("topic", topic)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_subject_in_the_manual() {
        let subject = EventSubject::build("aurora-cards", "till", "credit.requested").unwrap();
        assert_eq!(subject, "events.aurora-cards.till.credit=2Erequested");
        assert_eq!(EventSubject::parse(&subject).unwrap().topic, "credit.requested");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_fix() {
        for (subject, fix) in [
            ("events.aurora.till.credit.requested", "=2E"),
            ("events.aurora.till", "<topic>"),
            ("events", "<tenant>"),
            ("jobs.a.b.c", "events."),
            ("events.aurora.t*ll.x", "the source"),
            ("events.aurora.till.=2e", "the topic"),
            ("events..till.x", "the tenant"),
            ("events.aurora.till.a=0Ab", "control characters"),
        ] {
            let error = EventSubject::parse(subject).unwrap_err().to_string();
            assert!(error.contains(fix), "{subject}: {error}");
        }
    }

    proptest! {
        #[test]
        fn subjects_round_trip(tenant in "[^\\p{Cc}]{1,30}", source in "[^\\p{Cc}]{1,30}", topic in "[^\\p{Cc}]{1,30}") {
            let subject = EventSubject::build(&tenant, &source, &topic).unwrap();
            prop_assert_eq!(subject.split('.').count(), 4);
            prop_assert_eq!(EventSubject::parse(&subject).unwrap(), EventSubject { tenant, source, topic });
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_crash(text in any::<String>()) {
            if let Ok(read) = EventSubject::parse(&text) {
                prop_assert_eq!(EventSubject::build(&read.tenant, &read.source, &read.topic).unwrap(), text);
            }
        }
    }
}
