-- Members who are alike in all that groups are picked by, added up; and the steps of spend that they are parted by.
-- $1 tenant  $2 snapshot
with steps as (
    select coalesce(percentile_disc(array[0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875])
        within group (order by spend_365d_minor), '{}') as amounts
    from member_snapshots
    where tenant_id = $1 and snapshot_id = $2 and spend_365d_minor > 0
), added as (
    insert into snapshot_groups (tenant_id, snapshot_id, part, tier_id, inactive_days, risk, ends_within_days, spend_step,
        balance_minor, segment, members, reachable, active_90d, orders_90d, spend_90d_minor, spend_prior_90d_minor,
        spend_365d_minor, expiring_30d_minor)
    select $1, $2, row_number() over (), coalesce(s.tier_id, 0), coalesce(s.recency_days, s.joined_days), s.risk,
        case when s.expiring_7d_minor > 0 then 7 when s.expiring_30d_minor > 0 then 30 else 0 end,
        width_bucket(s.spend_365d_minor, steps.amounts), s.balance_minor, s.segment, count(*),
        count(*) filter (where s.reachable), count(*) filter (where s.orders_90d > 0), sum(s.orders_90d),
        sum(s.spend_90d_minor), sum(s.spend_prior_90d_minor), sum(s.spend_365d_minor), sum(s.expiring_30d_minor)
    from member_snapshots s
    cross join steps
    where s.tenant_id = $1 and s.snapshot_id = $2
    group by 4, 5, 6, 7, 8, 9, 10
)
update snapshots set spend_steps = (select amounts from steps) where tenant_id = $1 and id = $2
