-- What is left of the current month's credit that a member had for being in one of these tiers, by having bought it.
-- $1 tenant  $2 member  $3 tiers  $4 currency
select l.id as lot_id, l.source_key as period, l.remaining_minor - l.held_minor as "free_minor!"
from lots l
join runs b on b.id = l.run_id
join memberships ms on ms.tenant_id = $1 and ms.member_id = $2 and ms.source = 'purchase' and ms.tier_id = any ($3)
    and ms.valid_from <= b.scheduled_for and (ms.valid_to is null or ms.valid_to > b.scheduled_for)
where l.tenant_id = $1 and l.member_id = $2 and l.currency = $4 and l.reason = 'monthly'
    and l.source_key = to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM')
    and l.remaining_minor > l.held_minor
order by l.id
