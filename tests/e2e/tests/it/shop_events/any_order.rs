//! All that a shop tells, shuffled, each twice and once cut off, ends in one ledger, and what is cut off in dead letters.

use tradeup_fakes::shopify::{Sample, Webhook};
use uuid::Uuid;

use super::{Told, told};

/// What there is to see of it, a line each: what orders are, what members have and owe, and what could not be done.
const LEDGER: &str = "
    select string_agg(line, E'\\n' order by line collate \"C\") from (
        select concat_ws(' ', 'order', external_id, member_external_id, currency, base_minor, rate_bps, cancelled_at, test)
        from orders where base_minor is not null
        union all
        select concat_ws(' ', 'refund', order_external_id, external_id, eligible_minor, state) from order_refunds
        union all
        select concat_ws(' ', 'balance', m.external_id, a.currency, a.balance_minor)
        from accounts a join members m on m.tenant_id = a.tenant_id and m.id = a.member_id
        union all
        select concat_ws(' ', 'owes', m.external_id, d.currency, sum(d.amount_minor))
        from debt_entries d join members m on m.tenant_id = d.tenant_id and m.id = d.member_id
        group by m.external_id, d.currency
        union all
        select concat_ws(' ', 'member', external_id, array_to_string(tags, ','), version_at) from members
        union all
        select concat_ws(' ', 'dead', task, code, count(*)) from dead_letters group by task, code
    ) as seen (line)";

/// A number that a seed and a name make, for shuffling and cutting.
fn drawn(seed: u32, what: &str) -> u128 {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{seed} {what}").as_bytes()).as_u128()
}

/// What is about orders and customers, as far as no person or law ends it.
fn is_told(sample: &Sample) -> bool {
    sample.topic.starts_with("orders/")
        || ["refunds/create", "order_transactions/create", "customers/create", "customers/update"]
            .contains(&sample.topic.as_str())
}

fn shuffled(told: &Told, seed: u32) -> Vec<Webhook> {
    let mut all = Vec::new();
    for sample in told.samples.iter().filter(|sample| is_told(sample)) {
        let file = &sample.file;
        all.push((drawn(seed, file), sample.webhook.clone()));
        let again = sample.webhook.clone().with("X-Shopify-Webhook-Id", &format!("again-{file}"));
        all.push((drawn(seed, &format!("again {file}")), again));
        let at = drawn(seed, &format!("cut {file}"));
        // Somewhere, but not so near to the end that only white space is missing.
        let length = sample.webhook.body.len() * 9 / 10;
        let kept = usize::try_from(at % length as u128).unwrap();
        let cut = Webhook::new(&told.secret, &told.shop, &sample.topic, &sample.webhook.body[..kept.max(1)]);
        all.push((at, cut));
    }
    all.sort_by_key(|(at, _webhook)| *at);
    all.into_iter().map(|(_at, webhook)| webhook).collect()
}

#[tokio::test]
async fn all_that_is_told_in_any_order_ends_in_one_ledger() {
    let mut ledgers = Vec::new();
    for seed in 0..3 {
        let told = told("USD").await;
        for webhook in shuffled(&told, seed) {
            told.accept(&webhook).await;
        }
        told.settled().await;
        told.assert_proved();
        let ledger: String = sqlx::query_scalar(LEDGER).fetch_one(&told.world.database.admin).await.unwrap();
        let samples = told.samples.iter().filter(|sample| is_told(sample)).count();
        assert!(
            ledger.contains(&format!("dead intake TU0203 {samples}\n")),
            "{samples} were cut off:\n{ledger}"
        );
        assert!(ledger.contains("\norder 5600112233440 "), "{ledger}");
        ledgers.push(ledger);
    }
    for (seed, ledger) in ledgers.iter().enumerate() {
        assert_eq!(ledger, &ledgers[0], "order {seed} ends otherwise than order 0");
    }
}
