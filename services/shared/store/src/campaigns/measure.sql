-- What each arm did from the campaign's start until its horizon. Who has become a part of another is that one, who counts
-- once: as treated if either was.
-- $1 tenant  $2 campaign
with campaign as (
    select started_at, measured_at, currency from campaigns where tenant_id = $1 and id = $2
), drawn as (
    select max(cm.arm) as arm, coalesce(m.merged_into, m.id) as member_id
    from campaign_members cm
    join members m on m.tenant_id = $1 and m.id = cm.member_id
    where cm.tenant_id = $1 and cm.campaign_id = $2
    group by coalesce(m.merged_into, m.id)
), ordered as (
    select o.member_id, count(*) as orders, sum(o.spend_minor) as revenue_minor
    from campaign c
    cross join lateral orders_as_of($1, c.measured_at) as o
    where o.paid_at > c.started_at and o.currency = c.currency
        and o.member_id in (select member_id from drawn)
    group by o.member_id
), used as (
    select coalesce(m.merged_into, m.id) as member_id, -sum(e.amount_minor) as minor
    from campaign c
    join ledger_entries e on e.tenant_id = $1 and e.kind in ('spend', 'spend_revert') and e.currency = c.currency
        and e.effective_at > c.started_at and e.effective_at <= c.measured_at
    join members m on m.tenant_id = $1 and m.id = e.member_id
    where m.id in (select member_id from campaign_members where tenant_id = $1 and campaign_id = $2)
        or m.merged_into in (select member_id from drawn)
    group by 1
)
insert into campaign_results (tenant_id, campaign_id, arm, members, ordering_members, orders, revenue_minor, redeemed_minor)
select $1, $2, arms.arm, count(d.member_id), count(o.member_id), coalesce(sum(o.orders), 0)::bigint,
    coalesce(sum(o.revenue_minor), 0)::bigint, greatest(coalesce(sum(u.minor), 0), 0)::bigint
from (values ('treated'), ('held_out')) as arms (arm)
left join drawn d on d.arm = arms.arm
left join ordered o on o.member_id = d.member_id
left join used u on u.member_id = d.member_id
group by arms.arm
