//! The fields of a body other than its tools and messages.

use serde_json::{Map, Value};

use super::{Checked, blocks, invalid, only, require, schema};
use crate::anthropic::profile::Profile;

const COUNTED: [&str; 8] =
    ["cache_control", "messages", "model", "output_config", "system", "thinking", "tool_choice", "tools"];
const ANSWERED: [&str; 10] = [
    "container",
    "inference_geo",
    "max_tokens",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
];

pub(super) fn check(body: &Map<String, Value>, profile: &Profile, counting: bool) -> Checked {
    // Counting takes fewer of them: `max_tokens` is refused there (Wei-Shaw/sub2api#4913).
    let known: Vec<&str> = if counting { COUNTED.to_vec() } else { [&COUNTED[..], &ANSWERED[..]].concat() };
    only(body, &known, "")?;
    if !counting {
        max_tokens(body, profile)?;
    }
    system(body)?;
    metadata(body)?;
    stop_sequences(body)?;
    require(body.get("stream").is_none_or(Value::is_boolean), || {
        "stream: Input should be a valid boolean".to_owned()
    })?;
    if let Some(tier) = body.get("service_tier") {
        require(tier == "auto" || tier == "standard_only", || {
            "service_tier: Input should be 'auto' or 'standard_only'".to_owned()
        })?;
    }
    sampling(body, profile)?;
    thinking(body, profile)?;
    output_config(body, profile)?;
    body.get("cache_control").map_or(Ok(()), |marker| blocks::marker(marker, "cache_control"))
}

fn max_tokens(body: &Map<String, Value>, profile: &Profile) -> Checked {
    let Some(value) = body.get("max_tokens") else { return Err(invalid("max_tokens: Field required")) };
    let Some(tokens) = value.as_u64() else {
        return Err(invalid("max_tokens: Input should be a valid integer that is not negative"));
    };
    require(tokens <= profile.max_output, || {
        format!(
            "max_tokens: {tokens} > {}, which is the maximum allowed number of output tokens for {}",
            profile.max_output, profile.id
        )
    })
}

fn system(body: &Map<String, Value>) -> Checked {
    match body.get("system") {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(found)) => {
            for (at, block) in found.iter().enumerate() {
                let path = format!("system.{at}");
                require(block["type"] == "text", || format!("{path}.type: Input should be 'text'"))?;
                blocks::text(block, &path, "system", false)?;
            }
            Ok(())
        }
        Some(_) => Err(invalid("system: Input should be a valid string or list")),
    }
}

fn metadata(body: &Map<String, Value>) -> Checked {
    let Some(value) = body.get("metadata") else { return Ok(()) };
    let Some(fields) = value.as_object() else {
        return Err(invalid("metadata: Input should be a valid dictionary"));
    };
    only(fields, &["user_id"], "metadata")?;
    match fields.get("user_id") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(user)) => require(user.chars().count() <= 256, || {
            "metadata.user_id: String should have at most 256 characters".to_owned()
        }),
        Some(_) => Err(invalid("metadata.user_id: Input should be a valid string")),
    }
}

fn stop_sequences(body: &Map<String, Value>) -> Checked {
    let Some(value) = body.get("stop_sequences") else { return Ok(()) };
    let Some(sequences) = value.as_array() else {
        return Err(invalid("stop_sequences: Input should be a valid list"));
    };
    for sequence in sequences {
        let text = sequence.as_str().unwrap_or_default();
        require(!text.trim().is_empty(), || {
            "stop_sequences: each stop sequence must contain non-whitespace".to_owned()
        })?;
    }
    Ok(())
}

fn sampling(body: &Map<String, Value>, profile: &Profile) -> Checked {
    for (name, max) in [("temperature", 1.0), ("top_p", 1.0)] {
        if let Some(value) = body.get(name) {
            let is_right = value.as_f64().is_some_and(|value| (0.0..=max).contains(&value));
            require(is_right, || format!("{name}: Input should be a number from 0 to {max}"))?;
        }
    }
    if let Some(value) = body.get("top_k") {
        require(value.as_u64().is_some(), || "top_k: Input should be a valid integer".to_owned())?;
    }
    if profile.is_modern {
        let found = ["temperature", "top_p", "top_k"].into_iter().find(|name| body.contains_key(*name));
        if let Some(name) = found {
            return Err(invalid(format!("{name}: sampling parameters are not supported by {}", profile.id)));
        }
    }
    require(!(body.contains_key("temperature") && body.contains_key("top_p")), || {
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.".to_owned()
    })
}

fn thinking(body: &Map<String, Value>, profile: &Profile) -> Checked {
    let Some(value) = body.get("thinking") else { return Ok(()) };
    let Some(fields) = value.as_object() else {
        return Err(invalid("thinking: Input should be a valid dictionary"));
    };
    let refused = |what: &str| Err(invalid(format!("thinking: {what} is not supported by {}", profile.id)));
    match fields.get("type").and_then(Value::as_str) {
        Some("disabled") => {
            only(fields, &["type"], "thinking")?;
            if profile.is_modern { refused("turning it off") } else { Ok(()) }
        }
        Some("adaptive") => {
            only(fields, &["type", "display"], "thinking")?;
            if profile.is_modern { Ok(()) } else { refused("`adaptive`") }
        }
        Some("enabled") if profile.is_modern => refused("a budget"),
        Some("enabled") => {
            only(fields, &["type", "budget_tokens", "display"], "thinking")?;
            let Some(budget) = fields.get("budget_tokens").and_then(Value::as_u64) else {
                return Err(invalid("thinking.enabled.budget_tokens: Field required"));
            };
            require(budget >= 1024, || {
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024".to_owned()
            })?;
            let max = body.get("max_tokens").and_then(Value::as_u64);
            require(max.is_none_or(|max| max > budget), || {
                "`max_tokens` must be greater than `thinking.budget_tokens`".to_owned()
            })?;
            let is_cool = body.get("temperature").and_then(Value::as_f64).is_some_and(|value| value < 1.0);
            require(!is_cool, || "`temperature` may only be set to 1 when thinking is enabled.".to_owned())
        }
        _ => Err(invalid("thinking.type: Input should be 'enabled', 'adaptive' or 'disabled'")),
    }
}

fn output_config(body: &Map<String, Value>, profile: &Profile) -> Checked {
    let Some(value) = body.get("output_config") else { return Ok(()) };
    let Some(fields) = value.as_object() else {
        return Err(invalid("output_config: Input should be a valid dictionary"));
    };
    only(fields, &["format", "effort"], "output_config")?;
    if let Some(effort) = fields.get("effort") {
        require(profile.takes_effort, || format!("output_config.effort: not supported by {}", profile.id))?;
        let known = effort.as_str().is_some_and(|effort| ["low", "medium", "high", "max"].contains(&effort));
        require(known, || "output_config.effort: Input should be 'low', 'medium' or 'high'".to_owned())?;
    }
    let Some(format) = fields.get("format") else { return Ok(()) };
    require(format["type"] == "json_schema", || {
        "output_config.format.type: Input should be 'json_schema'".to_owned()
    })?;
    schema::strict(&format["schema"], "output_config.format.schema").map(drop)
}
