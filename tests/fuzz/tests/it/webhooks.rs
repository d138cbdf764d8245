//! Bodies of webhooks: each sample, cut, overwritten and spliced with others.

use std::sync::OnceLock;

use bolero::{TypeGenerator, check};
use tradeup_fakes::shopify::samples;
use tradeup_shopify::webhook::{
    Customer, CustomerRedact, DataRequest, Merged, Order, Refs, Refund, ScopesChanged, ShopRedact,
    TagsChanged, Transaction, Uninstalled,
};

/// How a body is damaged.
#[derive(Clone, Debug, TypeGenerator)]
enum Damage {
    Put { at: u16, byte: u8 },
    Cut { at: u16, length: u8 },
    Insert { at: u16, bytes: Vec<u8> },
    Token { at: u16, which: u8 },
    Splice { at: u16, sample: u8, from: u16, length: u16 },
    Truncate { at: u16 },
}

/// What JSON is made of, and what readers stumble over.
const TOKENS: [&str; 16] = [
    "null",
    "true",
    "-1",
    "1e999",
    "99999999999999999999",
    "0.00000000000000000001",
    "\"\"",
    "{}",
    "[]",
    "[[[[[[[[",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"9223372036854775808\"",
    "\"-0.005\"",
    "\"USD\"",
    "\u{feff}",
];

fn bodies() -> &'static [(String, Vec<u8>)] {
    static BODIES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    BODIES.get_or_init(|| {
        let (samples, _secret, _shop) = samples();
        samples.into_iter().map(|sample| (sample.topic, sample.webhook.body)).collect()
    })
}

fn damaged(which: u8, damage: &[Damage]) -> (&'static str, Vec<u8>) {
    let all = bodies();
    let (topic, body) = &all[usize::from(which) % all.len()];
    let mut body = body.clone();
    for damage in damage {
        let place = |at: u16| usize::from(at) % (body.len() + 1);
        match damage {
            Damage::Put { at, byte } => {
                let at = place(*at);
                if let Some(found) = body.get_mut(at) {
                    *found = *byte;
                }
            }
            Damage::Cut { at, length } => {
                let at = place(*at);
                body.drain(at..(at + usize::from(*length)).min(body.len()));
            }
            Damage::Insert { at, bytes } => {
                let at = place(*at);
                body.splice(at..at, bytes.iter().copied());
            }
            Damage::Token { at, which } => {
                let at = place(*at);
                body.splice(at..at, TOKENS[usize::from(*which) % TOKENS.len()].bytes());
            }
            Damage::Splice { at, sample, from, length } => {
                let other = &all[usize::from(*sample) % all.len()].1;
                let from = usize::from(*from) % (other.len() + 1);
                let part = &other[from..(from + usize::from(*length)).min(other.len())];
                let at = place(*at);
                body.splice(at..at, part.iter().copied());
            }
            Damage::Truncate { at } => body.truncate(place(*at)),
        }
    }
    (topic, body)
}

/// Reads a body in every way. What is read can be reckoned with; what is refused is refused without repeating it.
fn read(topic: &str, body: &[u8]) {
    let mut said = Vec::new();
    let mut note = |error: String| said.push(error);
    match Order::decode(body) {
        Ok(order) => {
            assert!(!order.id.is_empty());
            for line in &order.lines {
                let earning = line.earning();
                assert!(earning.quantity >= 0 && earning.discounts_minor >= 0);
                // It does not overflow.
                let _sum = earning.price_minor.saturating_mul(earning.quantity);
            }
        }
        Err(error) => note(error.to_string()),
    }
    match Refund::decode(body) {
        Ok(refund) => assert!(refund.shipping_minor >= 0 && refund.discrepancy_minor >= 0),
        Err(error) => note(error.to_string()),
    }
    match Transaction::decode(body) {
        Ok(transaction) => assert!(!transaction.id.is_empty()),
        Err(error) => note(error.to_string()),
    }
    note(Customer::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(Merged::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(TagsChanged::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(Uninstalled::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(ScopesChanged::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(DataRequest::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(CustomerRedact::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(ShopRedact::decode(body).err().map(|e| e.to_string()).unwrap_or_default());
    note(Refs::read(topic, body).err().map(|e| e.to_string()).unwrap_or_default());
    for error in said {
        assert!(!error.contains('@'), "an address in an error: {error}");
        assert!(error.len() < 1_000, "a body in an error: {error}");
    }
}

#[test]
fn a_mutated_body_is_read_or_refused() {
    check!().with_iterations(20_000).with_type::<(u8, Vec<Damage>)>().for_each(|(which, damage)| {
        let (topic, body) = damaged(*which, damage);
        read(topic, &body);
    });
}

#[test]
fn any_bytes_are_read_or_refused() {
    check!().with_iterations(5_000).for_each(|bytes| read("orders/paid", bytes));
}

#[test]
fn each_sample_cut_anywhere_is_read_or_refused() {
    for (topic, body) in bodies() {
        for length in (0..body.len()).step_by(61) {
            read(topic, &body[..length]);
        }
    }
}
