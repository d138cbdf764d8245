//! Why each check matters, for whoever has not seen it before.

/// Why a check matters.
pub(super) fn of(check: &str) -> Option<&'static str> {
    Some(match check {
        "postgres" => "PostgreSQL is the truth; without it nothing is decided and nothing is credited",
        "durability" => "a credit that was confirmed could be lost in a power cut, and issued again or never",
        "clock" => "leases and schedules go by the database's clock; others only make logs hard to compare",
        "release" => {
            "builds side by side are for a release, not for days: what one writes the other has to read"
        }
        "connections" => "a process that gets no connection stands still, and takes others with it",
        "rights" => {
            "a role past row level security would see every shop's data through one mistake in a statement"
        }
        "isolation" => "without an enforced policy one shop could be shown another's data",
        "backup" => "what is not archived is lost with the disk: credits that members were told of",
        "disk" => "a server that is full, frozen or a standby takes no writes: money stands still",
        "certificates" => {
            "once one has ended no new connection comes about: the next restart, or the next lost connection, is an outage"
        }
        "nats" => "without NATS runs wait; nothing is lost",
        "storage" | "stream" => "a full stream refuses what is new: events of shops first",
        "copies" => {
            "with one copy, the loss of a server stops all work and may lose events that nobody had taken"
        }
        "consumer" | "consumers" | "undeliverable" => {
            "a message that nobody is given is a run that does not go on"
        }
        "restore" => "runs of a lost time may be done twice in the world outside, so a person decides",
        "service" => "what a missing service does, nobody does",
        "outbox" => "a message that does not go out is a run that does not begin",
        "runs" | "held" => "a run that stands still is credit that members wait for",
        "schedule" => "a fire that nobody decides about is a month without credits",
        "breaker" => "what is down is left alone, and what needs it waits",
        "pause" => "somebody stopped it; it is easily forgotten",
        "dead letters" | "unknown runs" => {
            "what could not be done is not tried again by itself: a person decides"
        }
        "mails" => "a member may have been told twice, or not at all",
        "mail server" => "warnings and alerts by mail wait",
        "wallets" => "members see at the shop what they can't spend, or the other way round",
        "token keys" => {
            "a token that no key opens is a shop that is told nothing until it is connected again"
        }
        "endpoints" => "a shop's own system does not know what its members have",
        "gaps" => "an order that was never told earns nothing",
        "privacy" => "the law gives a shop 30 days to answer a customer, and it relies on us",
        "settings" => "a service without a setting that shops need does the rest, and keeps quiet about it",
        "secret files" => "who can read a secret can act as us; who can change it can lead us elsewhere",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_nobody_knows_has_no_reason() {
        assert!(super::of("backup").is_some() && super::of("nothing").is_none());
    }
}
