//! Which shops' agents have used up their budgets is read off kept figures: the same that asking each shop would give, for
//! however many shops.

use std::collections::BTreeSet;

use tradeup_store::agent_budgets::{self, UsedUp};
use tradeup_store::agent_runs::Caps;

use super::{A, Books, CALL, PLENTY, answer};

/// Shops, each with what it has used of its day and month, some with limits of their own; some are not active, some have used
/// theirs on another day.
const MANY: &str = "
    insert into tenants (handle, name, zone, currency, credit_validity)
    select 'shop-' || n, n::text, 'UTC', 'USD', 'P60D' from generate_series(1, 400) n;
    insert into agent_settings (tenant_id, enabled, run_cap_nano, day_cap_nano, month_cap_nano, credit_minor_max,
        campaign_cost_minor_max, offline_approvals, changed_by)
    select id, true, 1, id % 13 * 1000000000, id % 7 * 1000000000, 1, 1, false, 'test'
    from tenants where id > 2 and id % 3 = 0;
    insert into model_spend (tenant_id, period, spent_nano, reserved_nano)
    select id, to_char(now() at time zone 'utc', form), id % 17 * 400000000, id % 5 * 100000000
    from tenants, (values ('YYYY-MM'), ('YYYY-MM-DD')) as forms (form) where id > 2;
    update model_spend set reserved_nano = 0, spent_nano = spent_nano + 100000000 where tenant_id % 4 = 0;
    insert into model_spend (tenant_id, period, spent_nano)
    select id, '2020-01-31', 900000000000 from tenants where id > 2;
    update tenants set state = 'suspended' where id > 2 and id % 11 = 0;";

/// The same by asking the rows themselves: shop and period.
const ASKED: &str = "
    select t.handle, s.period from model_spend s join tenants t on t.id = s.tenant_id and t.state = 'active'
    cross join agent_limits l left join agent_settings own on own.tenant_id = s.tenant_id
    cross join lateral (select case when length(s.period) = 7 then coalesce(own.month_cap_nano, l.shop_month_cap_nano)
        else coalesce(own.day_cap_nano, l.shop_day_cap_nano) end as cap) c
    where s.period in (to_char(now() at time zone 'utc', 'YYYY-MM'), to_char(now() at time zone 'utc', 'YYYY-MM-DD'))
        and (s.spent_nano + s.reserved_nano)::numeric * 100 >= c.cap::numeric * 95";

fn of_shops(found: &[UsedUp]) -> BTreeSet<(String, String)> {
    found.iter().filter_map(|used| Some((used.tenant_handle.clone()?, used.period.clone()))).collect()
}

#[tokio::test]
async fn budgets_that_are_used_up_are_those_that_asking_each_shop_would_find() {
    let books = Books::new().await;
    books.execute(MANY).await;
    let asked: Vec<(String, String)> = sqlx::query_as(ASKED).fetch_all(&books.database.admin).await.unwrap();
    let asked: BTreeSet<_> = asked.into_iter().collect();
    let found = agent_budgets::used_up(&books.pool, None).await.unwrap();
    let told = of_shops(&found);
    assert!(told.is_subset(&asked), "{:?}", told.difference(&asked).collect::<Vec<_>>());
    // Of each kind no more than are looked at; of those with limits of their own there are more.
    assert!(
        asked.len() > told.len() && told.len() >= 100 && found.len() <= 201,
        "{} {}",
        asked.len(),
        told.len()
    );
    for (handle, period) in asked.iter().step_by(7) {
        let shop = books.number(&format!("select id from tenants where handle = '{handle}'")).await;
        let one = agent_budgets::used_up(&books.pool, Some(tradeup_store::TenantId(shop))).await.unwrap();
        let one = of_shops(&one);
        assert!(one.contains(&(handle.clone(), period.clone())), "{handle} {period}: {one:?}");
        assert!(one.iter().all(|(whose, _)| whose == handle), "{one:?}");
    }
}

#[tokio::test]
async fn a_purse_follows_what_is_reserved_settled_and_allowed() {
    let books = Books::new().await;
    let is_used_up = async |books: &Books| {
        of_shops(&agent_budgets::used_up(&books.pool, None).await.unwrap())
            .iter()
            .any(|(whose, _)| whose == "aurora")
    };
    let limit = "insert into agent_settings (tenant_id, enabled, run_cap_nano, day_cap_nano, month_cap_nano,
            credit_minor_max, campaign_cost_minor_max, offline_approvals, changed_by)
        values (1, true, 1, 100000000, 90000000000, 1, 1, false, 'test')";
    books.execute(limit).await;
    assert!(!is_used_up(&books).await, "nothing was spent");
    let lease = books.run(A).await;
    let caps = Caps { day_nano: CALL, ..PLENTY };
    books.reserve(&lease, "orchestrator", 1, &caps).await;
    assert!(is_used_up(&books).await, "all of the day is reserved");
    let mut tx = books.tx(A).await;
    tradeup_store::agent_runs::sent(&mut tx, &lease, "orchestrator", 1, 1).await.unwrap();
    tradeup_store::agent_runs::answered(&mut tx, &lease, "orchestrator", 1, 1, &answer()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!is_used_up(&books).await, "it cost less");
    books.execute("update agent_settings set day_cap_nano = 1").await;
    assert!(is_used_up(&books).await, "less is allowed");
    books.execute("update agent_settings set day_cap_nano = 90000000000").await;
    assert!(!is_used_up(&books).await, "more is");
}
