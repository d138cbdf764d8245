//! What a message says: as a mail, for Slack, and as JSON.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tradeup_store::alerts::Alert;
use uuid::Uuid;

/// Alerts that one message names; how many more there are, it says.
const NAMED_MAX: usize = 20;

/// Characters of a block, with room for a last line: Slack takes 3,000.
const SLACK_CHARS_MAX: usize = 2_900;

/// What a message is about.
pub(super) struct Told<'a> {
    pub(super) id: Uuid,
    pub(super) at: DateTime<Utc>,
    pub(super) opened: Vec<Alert>,
    pub(super) resolved: Vec<Alert>,
    pub(super) reminded: Vec<Alert>,
    pub(super) console: &'a str,
}

/// A message in all its forms.
pub(super) struct Words {
    pub(super) id: Uuid,
    pub(super) at: DateTime<Utc>,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) slack: Value,
    pub(super) json: Value,
}

/// What became of an alert.
#[derive(Clone, Copy)]
enum Became {
    Opened,
    Reminded,
    Resolved,
}

impl Became {
    fn word(self) -> &'static str {
        match self {
            Self::Opened => "open",
            Self::Reminded => "still open",
            Self::Resolved => "over",
        }
    }

    fn state(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reminded => "reminded",
            Self::Resolved => "resolved",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Opened | Self::Reminded => ":red_circle:",
            Self::Resolved => ":large_green_circle:",
        }
    }
}

impl Told<'_> {
    pub(super) fn words(&self) -> Words {
        let all: Vec<(Became, &Alert)> = (self.opened.iter().map(|alert| (Became::Opened, alert)))
            .chain(self.reminded.iter().map(|alert| (Became::Reminded, alert)))
            .chain(self.resolved.iter().map(|alert| (Became::Resolved, alert)))
            .collect();
        let subject = match all.as_slice() {
            [] => "TradeUp Jobs: this is a test".to_owned(),
            [(became, alert)] => format!("[{}] {}", became.word(), alert.summary),
            [(became, alert), rest @ ..] => {
                format!("[{}] {} And {} more", became.word(), alert.summary, rest.len())
            }
        };
        let (named, more) = all.split_at(all.len().min(NAMED_MAX));
        let mut lines: Vec<String> = named
            .iter()
            .map(|(became, alert)| {
                format!("[{}] {}\n    {}{}", became.word(), alert.summary, self.console, alert.page)
            })
            .collect();
        let mut marked: Vec<String> = named
            .iter()
            .map(|(became, alert)| {
                let link = format!("{}{}", self.console, alert.page);
                format!("{} <{}|{}>", became.sign(), escaped(&link), escaped(&alert.summary))
            })
            .collect();
        if all.is_empty() {
            let test = "This is a test: alerts reach you here.".to_owned();
            lines.push(test.clone());
            marked.push(test);
        }
        if !more.is_empty() {
            lines.push(format!("And {} more.", more.len()));
            marked.push(format!("And {} more.", more.len()));
        }
        lines.push(format!("All of them: {}/alerts", self.console));
        let alerts: Vec<Value> = named
            .iter()
            .map(|(became, alert)| {
                json!({ "id": alert.id, "state": became.state(), "rule": alert.rule, "subject": alert.subject,
                    "shop": alert.tenant_handle, "summary": alert.summary, "opened_at": alert.opened_at,
                    "resolved_at": alert.resolved_at, "url": format!("{}{}", self.console, alert.page) })
            })
            .collect();
        Words {
            id: self.id,
            at: self.at,
            slack: slack(&subject, &marked),
            json: json!({ "type": if all.is_empty() { "test" } else { "alerts" }, "timestamp": self.at,
                "data": { "alerts": alerts, "more": more.len() } }),
            text: lines.join("\n\n") + "\n",
            subject,
        }
    }
}

impl Words {
    /// Of something that no row is about.
    pub(super) fn plain(id: Uuid, at: DateTime<Utc>, what: &str, console: &str) -> Self {
        Self {
            id,
            at,
            subject: what.to_owned(),
            text: format!("{what}\n\n{console}/\n"),
            slack: slack(what, &[format!(":red_circle: {}", escaped(what))]),
            json: json!({ "type": "database", "timestamp": at, "data": { "summary": what, "url": console } }),
        }
    }
}

/// A message of Slack: text for the notification, and a block to read.
fn slack(subject: &str, lines: &[String]) -> Value {
    let mut marked = String::new();
    for (number, line) in lines.iter().enumerate() {
        // A longer block is refused, and a line cut in two is no link any more.
        if marked.chars().count() + line.chars().count() > SLACK_CHARS_MAX {
            marked.push_str(&format!("And {} more.", lines.len() - number));
            break;
        }
        marked.push_str(line);
        marked.push('\n');
    }
    json!({ "text": escaped(subject),
        "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": marked } }] })
}

/// What would be markup in a message of Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "¦")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(summary: &str) -> Alert {
        Alert {
            id: Uuid::from_u128(7),
            rule: "dead_letters".to_owned(),
            subject: "f0".to_owned(),
            tenant_handle: None,
            summary: summary.to_owned(),
            page: "/dead/f0".to_owned(),
            opened_at: DateTime::UNIX_EPOCH,
            seen_at: DateTime::UNIX_EPOCH,
            acknowledged_at: None,
            acknowledged_by: None,
            resolved_at: None,
        }
    }

    fn told(opened: Vec<Alert>, resolved: Vec<Alert>) -> Words {
        let (id, at) = (Uuid::from_u128(1), DateTime::UNIX_EPOCH);
        Told { id, at, opened, resolved, reminded: vec![], console: "https://jobs.example" }.words()
    }

    #[test]
    fn a_message_says_what_is_wrong_and_where_to_look() {
        let words = told(vec![alert("Two are dead.")], vec![alert("One was late.")]);
        assert_eq!(words.subject, "[open] Two are dead. And 1 more");
        assert_eq!(
            words.text,
            "[open] Two are dead.\n    https://jobs.example/dead/f0\n\n[over] One was late.\n    \
             https://jobs.example/dead/f0\n\nAll of them: https://jobs.example/alerts\n"
        );
        assert_eq!(words.json["data"]["alerts"][1]["state"], "resolved");
    }

    #[test]
    fn no_text_is_markup_in_slack() {
        let words = told(vec![alert("<!channel> & <https://evil.example|press>")], vec![]);
        assert_eq!(
            words.slack["blocks"][0]["text"]["text"],
            ":red_circle: <https://jobs.example/dead/f0|&lt;!channel&gt; &amp; \
             &lt;https://evil.example¦press&gt;>\n"
        );
    }

    #[test]
    fn many_are_named_as_far_as_there_is_room() {
        let words = told(vec![alert(&"x".repeat(300)); 50], vec![]);
        assert_eq!(words.json["data"]["more"], 30);
        assert!(words.text.contains("And 30 more."));
        let block = words.slack["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(block.chars().count() < 3_000 && block.ends_with(" more."), "{block}");
    }
}
