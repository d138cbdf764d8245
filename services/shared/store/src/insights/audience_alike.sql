-- A group of members added up by segment, from those who are alike: all whose spend has reached a step.
-- $1 tenant  $2 snapshot  $3 tiers  $4 segments  $5 risk  $6 days without order  $7 credit  $8 step  $9 ends within days
select g.segment, sum(g.members)::bigint as "members!", sum(g.reachable)::bigint as "reachable!",
    sum(g.active_90d)::bigint as "active_90d!", sum(g.orders_90d)::bigint as "orders_90d!",
    sum(g.spend_90d_minor)::bigint as "spend_90d!", sum(g.spend_prior_90d_minor)::bigint as "spend_prior_90d!",
    sum(g.spend_365d_minor)::bigint as "spend_365d!", sum(g.balance_minor * g.members)::bigint as "balance!",
    sum(g.expiring_30d_minor)::bigint as "expiring_30d!", sum(g.risk * g.members)::bigint as "risk!"
from snapshot_groups g
where g.tenant_id = $1 and g.snapshot_id = $2
    and (cardinality($3::text[]) = 0
        or g.tier_id in (select t.id from tiers t where t.tenant_id = $1 and t.handle = any ($3))
        or (g.tier_id = 0 and 'none' = any ($3)))
    and (cardinality($4::text[]) = 0 or 'all' = any ($4) or g.segment = any ($4)
        or ('expiring' = any ($4) and g.ends_within_days > 0))
    and ($5::int is null or g.risk >= $5)
    and ($6::int is null or g.inactive_days >= $6)
    and ($7::bigint is null or g.balance_minor >= $7)
    and g.spend_step >= $8::int
    and ($9::int is null or g.ends_within_days = 7 or (g.ends_within_days = 30 and $9 > 7))
group by g.segment
order by g.segment
