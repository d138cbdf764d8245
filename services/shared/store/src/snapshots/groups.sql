-- Sums over a snapshot's members: of the shop, its segments, its tiers, and segments within tiers; then how members are
-- spread, and who has moved between tiers.
-- $1 tenant  $2 snapshot
with counted as (
    select case grouping(coalesce(t.handle, 'none'), s.segment)
            when 3 then 'shop' when 2 then 'segment' when 1 then 'tier' else 'tier_segment' end as topic,
        coalesce(t.handle, 'none') as tier, s.segment, count(*) as members,
        count(s.tier_id) as in_tier,
        count(*) filter (where s.orders_all > 0) as ordered,
        count(*) filter (where s.orders_all > 1) as repeated,
        count(*) filter (where s.orders_30d > 0) as active_30d,
        count(*) filter (where s.orders_90d > 0) as active_90d,
        count(*) filter (where s.orders_365d > 0) as active_365d,
        count(*) filter (where s.orders_prior_30d > 0) as prior_30d,
        count(*) filter (where s.orders_prior_90d > 0) as prior_90d,
        count(*) filter (where s.orders_prior_365d > 0) as prior_365d,
        count(*) filter (where s.orders_prior_30d > 0 and s.orders_30d > 0) as retained_30d,
        count(*) filter (where s.orders_prior_90d > 0 and s.orders_90d > 0) as retained_90d,
        count(*) filter (where s.orders_prior_365d > 0 and s.orders_365d > 0) as retained_365d,
        count(*) filter (where s.joined_days < 30) as joined_30d,
        count(*) filter (where s.joined_days < 90) as joined_90d,
        count(*) filter (where s.joined_days < 365) as joined_365d,
        count(*) filter (where s.segment = 'at_risk') as at_risk,
        sum(s.orders_30d) as orders_30d, sum(s.orders_90d) as orders_90d, sum(s.orders_365d) as orders_365d,
        sum(s.orders_prior_30d) as orders_prior_30d, sum(s.orders_prior_90d) as orders_prior_90d,
        sum(s.spend_30d_minor) as spend_30d, sum(s.spend_90d_minor) as spend_90d, sum(s.spend_365d_minor) as spend_365d,
        sum(s.spend_prior_30d_minor) as spend_prior_30d, sum(s.spend_prior_90d_minor) as spend_prior_90d,
        sum(s.balance_minor) as balance, count(*) filter (where s.balance_minor > 0) as with_balance,
        sum(s.expiring_7d_minor) as expiring_7d, count(*) filter (where s.expiring_7d_minor > 0) as expiring_7d_members,
        sum(s.expiring_30d_minor) as expiring_30d, count(*) filter (where s.expiring_30d_minor > 0) as expiring_30d_members,
        count(*) filter (where s.expiring_30d_minor > 0 and s.segment = 'at_risk') as expiring_30d_at_risk,
        sum(s.granted_90d_minor) as granted_90d, sum(s.redeemed_90d_minor) as redeemed_90d,
        count(*) filter (where s.redeemed_90d_minor > 0) as redeemers_90d,
        count(*) filter (where s.redeemed_365d_minor > 0) as redeemers_365d,
        count(*) filter (where s.reachable) as reachable,
        count(*) filter (where s.expiring_30d_minor > 0 and s.reachable) as expiring_30d_reachable,
        sum(s.risk) as risk
    from member_snapshots s
    left join tiers t on t.tenant_id = $1 and t.id = s.tier_id
    where s.tenant_id = $1 and s.snapshot_id = $2
    group by grouping sets ((), (s.segment), (coalesce(t.handle, 'none')), (coalesce(t.handle, 'none'), s.segment))
), spread as (
    select case grouping(recency.bucket, frequency.bucket, risk.bucket) when 3 then 'recency' when 5 then 'frequency'
            else 'risk' end as topic,
        coalesce(recency.bucket, frequency.bucket, risk.bucket) as a, '' as b, count(*) as members
    from member_snapshots s
    cross join lateral (select case when s.recency_days is null then 'never' when s.recency_days < 30 then '0-29'
        when s.recency_days < 60 then '30-59' when s.recency_days < 90 then '60-89' when s.recency_days < 180 then '90-179'
        when s.recency_days < 365 then '180-364' else '365+' end) as recency (bucket)
    cross join lateral (select case when s.orders_365d = 0 then '0' when s.orders_365d = 1 then '1'
        when s.orders_365d <= 3 then '2-3' when s.orders_365d <= 6 then '4-6' when s.orders_365d <= 12 then '7-12'
        else '13+' end) as frequency (bucket)
    cross join lateral (select case when s.risk < 20 then '0-19' when s.risk < 40 then '20-39' when s.risk < 60 then '40-59'
        when s.risk < 80 then '60-79' else '80-100' end) as risk (bucket)
    where s.tenant_id = $1 and s.snapshot_id = $2
    group by grouping sets ((recency.bucket), (frequency.bucket), (risk.bucket))
), moved as (
    select 'moved_' || w.days as topic, coalesce(before.handle, 'none') as a, coalesce(after.handle, 'none') as b,
        sum(m.members) as members
    from (
        select tier_id, tier_30d_id, tier_90d_id, tier_365d_id, count(*) as members
        from member_snapshots
        where tenant_id = $1 and snapshot_id = $2
            and (tier_id is distinct from tier_30d_id or tier_id is distinct from tier_90d_id
                or tier_id is distinct from tier_365d_id)
        group by 1, 2, 3, 4
    ) as m
    cross join lateral (values ('30d', m.tier_30d_id), ('90d', m.tier_90d_id), ('365d', m.tier_365d_id)) as w (days, tier_id)
    left join tiers before on before.tenant_id = $1 and before.id = w.tier_id
    left join tiers after on after.tenant_id = $1 and after.id = m.tier_id
    where w.tier_id is distinct from m.tier_id
    group by 1, 2, 3
)
insert into snapshot_cells (tenant_id, snapshot_id, topic, a, b, measure, value)
select $1, $2, c.topic,
    case c.topic when 'shop' then '' when 'segment' then c.segment else c.tier end,
    case c.topic when 'tier_segment' then c.segment else '' end, v.measure, v.value
from counted c
cross join lateral (values
    ('members', c.members), ('in_tier', c.in_tier), ('ordered', c.ordered), ('repeated', c.repeated),
    ('active_30d', c.active_30d), ('active_90d', c.active_90d), ('active_365d', c.active_365d),
    ('prior_30d', c.prior_30d), ('prior_90d', c.prior_90d), ('prior_365d', c.prior_365d),
    ('retained_30d', c.retained_30d), ('retained_90d', c.retained_90d), ('retained_365d', c.retained_365d),
    ('joined_30d', c.joined_30d), ('joined_90d', c.joined_90d), ('joined_365d', c.joined_365d), ('at_risk', c.at_risk),
    ('orders_30d', c.orders_30d), ('orders_90d', c.orders_90d), ('orders_365d', c.orders_365d),
    ('orders_prior_30d', c.orders_prior_30d), ('orders_prior_90d', c.orders_prior_90d), ('spend_30d', c.spend_30d),
    ('spend_90d', c.spend_90d), ('spend_365d', c.spend_365d), ('spend_prior_30d', c.spend_prior_30d),
    ('spend_prior_90d', c.spend_prior_90d), ('balance', c.balance),
    ('with_balance', c.with_balance), ('expiring_7d', c.expiring_7d), ('expiring_7d_members', c.expiring_7d_members),
    ('expiring_30d', c.expiring_30d), ('expiring_30d_members', c.expiring_30d_members),
    ('expiring_30d_at_risk', c.expiring_30d_at_risk), ('expiring_30d_reachable', c.expiring_30d_reachable),
    ('granted_90d', c.granted_90d), ('redeemed_90d', c.redeemed_90d), ('redeemers_90d', c.redeemers_90d),
    ('redeemers_365d', c.redeemers_365d), ('reachable', c.reachable), ('risk', c.risk)
) as v (measure, value)
where coalesce(v.value, 0) <> 0
union all
select $1, $2, topic, a, b, 'members', members from spread
union all
select $1, $2, topic, a, b, 'members', members from moved
