//! Traffic with others: who calls us, and whom we call.

use super::messages::EVENTS;
use super::store::ERRORS;
use crate::outbound::Ended;
use crate::{Counters, Describe, Gauges, Histograms};

/// Requests that were answered.
pub static HTTP_SECONDS: Histograms<2> = Histograms::new(
    "tradeup_http_request_duration_seconds",
    "Time to answer a request, by surface (shopify, publish, api, mail, none) and class of status",
    ["surface", "status"],
    Histograms::<2>::QUICK,
);
/// Webhooks of Shopify.
pub static WEBHOOKS: Counters<2> = Counters::new(
    "tradeup_webhooks_total",
    "Webhooks of Shopify, by class of their topic and by answer: taken, unauthorized, refused, unavailable",
    ["topic", "answer"],
);
/// Mails.
pub static MAILS: Counters<1> = Counters::new(
    "tradeup_mails_total",
    "Mails handed to the mail server, by outcome: sent, refused (the address or the mail), failed (the server or the way to it), unknown",
    ["outcome"],
);
/// How long the mail server takes.
pub static MAIL_SECONDS: Histograms<0> = Histograms::new(
    "tradeup_mail_duration_seconds",
    "Time to hand a mail over, with the wait for a connection",
    [],
    Histograms::<0>::QUICK,
);
/// Calls to Shopify.
pub static SHOPIFY_CALLS: Counters<1> = Counters::new(
    "tradeup_shopify_calls_total",
    "Calls to Shopify's Admin API, by outcome: answered, throttled, unauthorized, refused (other 4xx), unavailable (5xx or no connection), unknown (sent, no answer)",
    ["outcome"],
);
/// How long Shopify takes.
pub static SHOPIFY_SECONDS: Histograms<0> = Histograms::new(
    "tradeup_shopify_call_duration_seconds",
    "Time until Shopify has answered a call",
    [],
    Histograms::<0>::QUICK,
);
/// How long others take, and how that ends.
pub static OUTBOUND_SECONDS: Histograms<2> = Histograms::new(
    "tradeup_outbound_duration_seconds",
    "Time of a call to others until its end, by peer (shopify, mail, anthropic, endpoint, oidc, collector) and outcome: answered, refused, throttled, unauthorized, unavailable (no connection, or an error of theirs), unknown (sent, no answer), given_up (nobody waited for the end)",
    ["peer", "outcome"],
    Histograms::<2>::LONG,
);
/// Turns of models.
pub static MODEL_REQUESTS: Counters<2> = Counters::new(
    "tradeup_model_requests_total",
    "Turns asked of models, by role and outcome: answered, failed (not billed), unknown (perhaps billed)",
    ["role", "outcome"],
);
/// Tokens of models.
pub static MODEL_TOKENS: Counters<2> = Counters::new(
    "tradeup_model_tokens_total",
    "Tokens of models, by role and kind: input, output, cache_read, cache_write",
    ["role", "kind"],
);
/// What models cost.
pub static MODEL_COST: Counters<1> = Counters::new(
    "tradeup_model_cost_dollars_total",
    "What turns of models cost by the price table, in US dollars",
    ["role"],
);
/// When certificates end.
pub static CERTIFICATE_ENDS: Gauges<2> = Gauges::new(
    "tradeup_certificate_end_timestamp_seconds",
    "Until when trust in a server (postgres, nats, mail) holds, as seconds since 1970: by the certificate that it shows to this process (shown), by the authority in the file that the URL names (authority)",
    ["server", "certificate"],
);

/// What a webhook may be about.
pub const TOPICS: [&str; 9] = [
    "orders",
    "refunds",
    "customers",
    "customer",
    "order_transactions",
    "app",
    "app_subscriptions",
    "shop",
    "other",
];

/// Has what a service may count be there from its start: of a counter that begins with its first event nothing is known to
/// have grown, and a chart without lines says less than one at 0.
pub fn at_zero(service: &str) {
    for kind in
        ["unavailable", "conflict", "refused", "corrupt", "settings", "superseded", "shadow", "unexpected"]
    {
        ERRORS.add(0, [kind]);
    }
    let peers: &[&'static str] = match service {
        "credits" => &["mail", "shopify"],
        "webhooks" => &["endpoint", "shopify"],
        "agents" => &["anthropic"],
        "console" => &["endpoint", "mail", "oidc"],
        _ => &[],
    };
    for peer in peers {
        called_at_zero(peer);
    }
    match service {
        "credits" => {
            super::money::shops_at_zero();
            ["sent", "refused", "failed", "unknown"].iter().for_each(|outcome| MAILS.add(0, [outcome]));
            for outcome in ["answered", "throttled", "unauthorized", "refused", "unavailable", "unknown"] {
                SHOPIFY_CALLS.add(0, [outcome]);
            }
        }
        "webhooks" => {
            for topic in TOPICS {
                for answer in ["taken", "unauthorized", "refused", "unavailable"] {
                    WEBHOOKS.add(0, [topic, answer]);
                }
            }
            for surface in ["shopify", "publish", "api", "mail"] {
                HTTP_SECONDS.be_there([surface, "2xx"]);
            }
            ["recorded", "set_aside", "again"].iter().for_each(|outcome| EVENTS.add(0, [outcome]));
        }
        "agents" => {
            for role in ["orchestrator", "specialist"] {
                ["answered", "failed", "unknown"]
                    .iter()
                    .for_each(|outcome| MODEL_REQUESTS.add(0, [role, outcome]));
                for kind in ["input", "output", "cache_read", "cache_write"] {
                    MODEL_TOKENS.add(0, [role, kind]);
                }
                MODEL_COST.add_of(0.0, [role]);
            }
        }
        _ => {}
    }
}

/// Has what may be counted of calls to `peer` be there from the start, of whoever is called only where it is set.
pub fn called_at_zero(peer: &'static str) {
    for ended in Ended::ALL {
        OUTBOUND_SECONDS.be_there([peer, ended.as_str()]);
    }
}

/// All of them.
pub static ALL: &[&dyn Describe] = &[
    &HTTP_SECONDS,
    &WEBHOOKS,
    &MAILS,
    &MAIL_SECONDS,
    &SHOPIFY_CALLS,
    &SHOPIFY_SECONDS,
    &OUTBOUND_SECONDS,
    &MODEL_REQUESTS,
    &MODEL_TOKENS,
    &MODEL_COST,
    &CERTIFICATE_ENDS,
];
