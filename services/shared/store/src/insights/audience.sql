-- A group of members added up by segment, member by member.
-- $1 tenant  $2 snapshot  $3 tiers  $4 segments  $5 risk  $6 days without order  $7 credit  $8 spent  $9 ends within days
-- $10 spent less than
select s.segment, count(*) as "members!", count(*) filter (where s.reachable) as "reachable!",
    count(*) filter (where s.orders_90d > 0) as "active_90d!", coalesce(sum(s.orders_90d), 0)::bigint as "orders_90d!",
    coalesce(sum(s.spend_90d_minor), 0)::bigint as "spend_90d!",
    coalesce(sum(s.spend_prior_90d_minor), 0)::bigint as "spend_prior_90d!",
    coalesce(sum(s.spend_365d_minor), 0)::bigint as "spend_365d!",
    coalesce(sum(s.balance_minor), 0)::bigint as "balance!",
    coalesce(sum(s.expiring_30d_minor), 0)::bigint as "expiring_30d!", coalesce(sum(s.risk), 0)::bigint as "risk!"
from member_snapshots s
where s.tenant_id = $1 and s.snapshot_id = $2
    and (cardinality($3::text[]) = 0
        or s.tier_id in (select t.id from tiers t where t.tenant_id = $1 and t.handle = any ($3))
        or (s.tier_id is null and 'none' = any ($3)))
    and (cardinality($4::text[]) = 0 or 'all' = any ($4) or s.segment = any ($4)
        or ('expiring' = any ($4) and s.expiring_30d_minor > 0))
    and ($5::int is null or s.risk >= $5)
    and ($6::int is null or coalesce(s.recency_days, s.joined_days) >= $6)
    and ($7::bigint is null or s.balance_minor >= $7)
    and ($8::bigint is null or s.spend_365d_minor >= $8)
    and ($10::bigint is null or s.spend_365d_minor < $10)
    and ($9::int is null or (case when $9 <= 7 then s.expiring_7d_minor else s.expiring_30d_minor end) > 0)
group by s.segment
order by s.segment
