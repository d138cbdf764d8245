//! Calls as they stand in traces: by OpenTelemetry's conventions for generative models, with which model and how many tokens
//! and none of the words.

use std::future::Future;

use tradeup_signals::outbound::{self, Ended};
use tradeup_signals::trace;

use crate::answer::Answer;
use crate::error::CallError;

/// What calls are counted under.
const PEER: &str = "anthropic";

/// A turn of a model.
pub(crate) async fn chat(
    model: &str,
    asking: impl Future<Output = Result<Answer, CallError>>,
) -> Result<Answer, CallError> {
    let span = tracing::info_span!(
        target: trace::TARGET, "call", otel.name = %format_args!("chat {model}"), otel.kind = "client",
        gen_ai.operation.name = "chat", gen_ai.provider.name = PEER, gen_ai.request.model = model
    );
    let answer = outbound::call(PEER, span.clone(), asking, ended).await;
    if let Ok(answer) = &answer {
        let usage = &answer.usage;
        let cached = usage.cache_creation_input_tokens.saturating_add(usage.cache_read_input_tokens);
        for (name, tokens) in [
            ("gen_ai.usage.input_tokens", usage.input_tokens.saturating_add(cached)),
            ("gen_ai.usage.output_tokens", usage.output_tokens),
        ] {
            trace::says(&span, name, i64::try_from(tokens).unwrap_or(i64::MAX));
        }
    }
    answer
}

/// Something that is not generated.
pub(crate) async fn look_up<T>(
    what: &'static str,
    asking: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let span = tracing::info_span!(
        target: trace::TARGET, "call", otel.name = %format_args!("{PEER} {what}"), otel.kind = "client",
        gen_ai.operation.name = what, gen_ai.provider.name = PEER
    );
    outbound::call(PEER, span, asking, ended).await
}

/// How a call ended.
fn ended<T>(answer: &Result<T, CallError>) -> Ended {
    match answer {
        Ok(_) => Ended::Answered,
        Err(CallError::Request(_)) => Ended::Refused,
        Err(CallError::Connect(_) | CallError::InStream { .. }) => Ended::Unavailable,
        Err(CallError::Status { kind, .. }) if kind == "overloaded_error" => Ended::Throttled,
        Err(CallError::Status { status, .. }) => match Ended::of_status(*status) {
            // It says that it is, and is no answer of the API's.
            Ended::Answered => Ended::Unknown,
            ended => ended,
        },
        Err(CallError::Cancelled) => Ended::GivenUp,
        Err(CallError::Lost { .. } | CallError::Cut { .. } | CallError::Unreadable { .. }) => Ended::Unknown,
    }
}
