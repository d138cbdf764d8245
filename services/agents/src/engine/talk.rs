//! A conversation put together from rows so that it is always one that the API takes: roles alternate, every call has its
//! result at the beginning of the next message, no text is empty, and an answer goes back byte for byte.

use serde::Deserialize;
use serde_json::value::RawValue;
use tradeup_anthropic::{Turn, UserBlock};
use tradeup_store::agent_runs::CallRow;

/// The messages so far.
#[derive(Debug, Default)]
pub(super) struct Talk {
    done: Vec<Turn>,
    /// The user's message that is being put together.
    user: Vec<UserBlock>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

impl Block {
    /// The API may answer an empty text, and refuses to take it back.
    fn is_empty_text(&self) -> bool {
        self.kind == "text" && self.text.as_deref().is_none_or(|text| text.trim().is_empty())
    }
}

impl Talk {
    /// Adds what the host says.
    pub(super) fn say(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.user.push(UserBlock::Text(text.to_owned()));
        }
    }

    /// Adds an answer. One in which nothing is said leaves no message: what comes next belongs to the message before.
    ///
    /// `None` if it can't be read.
    pub(super) fn answer(&mut self, content: &str) -> Option<()> {
        let blocks: Vec<&RawValue> = serde_json::from_str(content).ok()?;
        let mut kept = Vec::new();
        for block in &blocks {
            let read: Block = serde_json::from_str(block.get()).ok()?;
            if !read.is_empty_text() {
                kept.push(block.get());
            }
        }
        if kept.is_empty() {
            return Some(());
        }
        let content =
            if kept.len() == blocks.len() { content.to_owned() } else { format!("[{}]", kept.join(",")) };
        self.done.push(Turn::User(std::mem::take(&mut self.user)));
        self.done.push(Turn::Assistant(RawValue::from_string(content).ok()?));
        Some(())
    }

    /// Adds the results of the calls of the last answer, which are all there.
    ///
    /// `None` if one of them is not.
    pub(super) fn results(&mut self, calls: &[&CallRow]) -> Option<()> {
        for call in calls {
            let content = call.content.as_deref()?;
            self.user.push(UserBlock::ToolResult {
                tool_use_id: call.tool_use_id.clone(),
                content: if content.is_empty() { "(nothing)".to_owned() } else { content.to_owned() },
                is_error: call.is_error,
            });
        }
        Some(())
    }

    /// The messages, the user's last.
    pub(super) fn messages(mut self) -> Vec<Turn> {
        self.done.push(Turn::User(self.user));
        self.done
    }
}
