-- Begins the memberships that follow from what rules have decided, and writes down the decisions.
-- $1 tenant  $2 members  $3 from when  $4 kinds  $5 tiers before  $6 tiers  $7 sources  $8 tiers under it
-- $9 their sources  $10 windows  $11 from  $12 until  $13 spend  $14 tiers of the rules  $15 begins of the rules
-- $16 thresholds  $17 as of  $18 yearly dates  $19 orders  $20 currency  $21 run
-- $22 when they end by themselves
with decided as (
    select d.* from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::integer[], $6::integer[], $7::text[],
        $8::integer[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::bigint[],
        $14::integer[], $15::timestamptz[], $16::bigint[], $17::timestamptz[], $18::date[], $19::text[], $22::timestamptz[])
        as d (member_id, at, kind, from_tier_id, tier_id, source, under_tier_id, under_source, time_window,
            window_from, window_until, spend_minor, rule_tier_id, rule_from, threshold_minor, as_of, review_on,
            order_external_id, until_at)
), begun as (
    insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from, under_tier_id,
        under_source, recorded_at, until_at)
    select $1, member_id, tier_id, 'active', source, at, under_tier_id, under_source, clock_timestamp(), until_at
    from decided
    where tier_id is not null
)
insert into tier_decisions (tenant_id, member_id, decided_at, kind, from_tier_id, tier_id, source, time_window,
    window_from, window_until, currency, spend_minor, rule_tier_id, rule_from, threshold_minor, as_of, review_on,
    order_external_id, run_id)
select $1, member_id, at, kind, from_tier_id, tier_id, source, time_window, window_from, window_until, $20,
    spend_minor, rule_tier_id, rule_from, threshold_minor, as_of, review_on, order_external_id, $21
from decided
