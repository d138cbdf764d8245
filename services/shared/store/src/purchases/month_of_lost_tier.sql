-- What is left of the current month's credit that a member had for being in one of these tiers, by having bought it.
-- A month is current from the instant it is issued for to the next month's: until 06:00 on the first it is the last one.
-- $1 tenant  $2 member  $3 tiers  $4 currency
select l.id as lot_id, l.source_key as period, l.remaining_minor - l.held_minor as "free_minor!"
from lots l
join runs b on b.id = l.run_id
join memberships ms on ms.tenant_id = $1 and ms.member_id = $2 and ms.source = 'purchase' and ms.tier_id = any ($3)
    and ms.valid_from <= b.scheduled_for and (ms.valid_to is null or ms.valid_to > b.scheduled_for)
where l.tenant_id = $1 and l.member_id = $2 and l.currency = $4 and l.reason = 'monthly'
    and b.scheduled_for + (to_date(l.source_key, 'YYYY-MM') + interval '1 month' - to_date(l.source_key, 'YYYY-MM'))
        > clock_timestamp()
    and l.remaining_minor > l.held_minor
order by l.id
