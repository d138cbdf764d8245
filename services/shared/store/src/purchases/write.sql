-- What an order has bought of a tier. When it runs is arranged afterwards; until then a time that holds.
-- $1 tenant  $2 order  $3 tier  $4 member  $5 version of the rule  $6 bought at  $7 pieces  $8 months
insert into membership_purchases as p (tenant_id, order_external_id, tier_id, member_id, rule_version, bought_at, pieces,
    months, from_at, until_at, unbroken_until_at)
select $1, $2, $3, $4, $5, $6, $7, $8, time.from_at, time.until_at, time.until_at
from (
    select case when $8::integer > 0 then $6::timestamptz end as from_at,
        case when $8::integer > 0 then $6::timestamptz + interval '1 day' end as until_at
) as time
on conflict (tenant_id, order_external_id, tier_id) do update
set pieces = excluded.pieces, months = excluded.months, from_at = excluded.from_at, until_at = excluded.until_at,
    unbroken_until_at = excluded.unbroken_until_at, changed_at = clock_timestamp()
where (p.pieces, p.months) is distinct from (excluded.pieces, excluded.months)
