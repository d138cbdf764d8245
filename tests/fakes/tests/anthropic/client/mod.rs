//! The client that the product has, against the stand-in.

mod answers;
mod cancelled;
mod lost;
mod paced;
mod replayed;
mod statuses;

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tradeup_anthropic::{
    Answer, Block, CallError, Client, ClientOptions, Request, SystemBlock, ToolSpec, Turn, UserBlock,
};
use tradeup_fakes::anthropic::Server;

use crate::setting::OPUS;

/// What no error may hold.
const KEY: &str = "sk-ant-secret-0123456789";

fn options(base: &str) -> ClientOptions {
    let options = ClientOptions::at(base.parse().unwrap(), Some(KEY.into()));
    ClientOptions { backoff: Duration::from_millis(1), ..options }
}

fn client(server: &Server) -> Client {
    Client::new(options(&server.base())).unwrap()
}

/// One that does not wait for long when nothing comes.
fn impatient(server: &Server) -> Client {
    Client::new(ClientOptions { idle: Duration::from_millis(200), ..options(&server.base()) }).unwrap()
}

async fn ask(server: &Server, request: &Request) -> Result<Answer, CallError> {
    client(server).ask(request, &CancellationToken::new()).await
}

/// A request for the first turn.
fn first() -> Request {
    let schema = json!({ "type": "object", "additionalProperties": false, "properties": {} });
    let tool = |name: &str, strict| ToolSpec {
        name: name.to_owned(),
        description: "Looks.".to_owned(),
        input_schema: schema.clone(),
        strict,
    };
    Request {
        model: OPUS.to_owned(),
        max_tokens: 2000,
        system: vec![SystemBlock { text: "You look at shops.".to_owned(), cached: true }],
        tools: vec![tool("submit_plan", true), tool("look", false)],
        messages: vec![Turn::User(vec![UserBlock::Text("How is the shop?".to_owned())])],
        user: Some("tenant-7".to_owned()),
    }
}

/// The next request, with all results.
fn following(request: &Request, answer: &Answer) -> Request {
    let result = |block: &Block| match block {
        Block::ToolUse { id, .. } => Some(UserBlock::ToolResult {
            tool_use_id: id.clone(),
            content: "{\"F1\":12}".to_owned(),
            is_error: false,
        }),
        _ => None,
    };
    let mut next = request.clone();
    next.messages.push(Turn::Assistant(answer.content.clone()));
    next.messages.push(Turn::User(answer.blocks.iter().filter_map(result).collect()));
    next
}
