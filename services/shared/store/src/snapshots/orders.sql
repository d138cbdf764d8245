-- Sums over orders: months, with who joined in them; what members of each month's joining did in the months after it;
-- currencies other than the shop's; and guests.
-- $1 tenant  $2 snapshot  $3 as of  $4 currency  $5 zone
with at as (
    select $3::timestamptz - interval '720 hours' as d30, $3::timestamptz - interval '2160 hours' as d90,
        $3::timestamptz - interval '8760 hours' as d365, date_trunc('month', $3 at time zone $5) as this_month
), calendar as (
    -- When each of the last twelve whole months begins, and when they are over: to find an order's month by halves.
    select array_agg((at.this_month - make_interval(months => n)) at time zone $5 order by n desc) as begins,
        array_agg((at.this_month - make_interval(months => n))::date order by n desc) as months
    from at cross join generate_series(0, 12) as n
), counted as materialized (
    -- Read once: finding the member of each of millions of orders takes the longest.
    select o.member_id, o.currency, o.paid_at, o.spend_minor
    from at
    cross join calendar
    join orders_as_of($1, $3) o on o.paid_at > least(calendar.begins[1] - interval '1 second', at.d365)
), by_member as materialized (
    select s.member_id, s.joined_on, width_bucket(o.paid_at, calendar.begins) as month, count(*) as orders,
        coalesce((sum(o.spend_minor::float8) filter (where o.currency = $4))::bigint, 0) as spend
    from calendar
    join counted o on o.paid_at >= calendar.begins[1] and o.paid_at < calendar.begins[13]
    -- A member who is forgotten by now is in no sum.
    join member_snapshots s on s.tenant_id = $1 and s.snapshot_id = $2 and s.member_id = o.member_id
    group by 1, 2, 3
), months as (
    select to_char(calendar.months[b.month], 'YYYY-MM') as month, b.active, b.orders, b.spend
    from calendar
    cross join (
        select month, count(*) as active, sum(orders) as orders, sum(spend) as spend from by_member group by 1
    ) as b
), joined as (
    select date_trunc('month', joined_on::timestamp)::date as month, count(*) as members,
        count(*) filter (where orders_90d > 0) as active_90d, count(*) filter (where orders_all > 1) as repeated
    from member_snapshots cross join at
    where tenant_id = $1 and snapshot_id = $2
        and joined_on < at.this_month and joined_on >= at.this_month - interval '12 months'
    group by 1
), cohorts as (
    select b.joined, calendar.months[b.month] as month, sum(b.active) as active
    from calendar
    cross join (
        select date_trunc('month', joined_on::timestamp)::date as joined, month, count(*) as active
        from by_member group by 1, 2
    ) as b
    where b.joined >= calendar.months[1] and calendar.months[b.month] >= b.joined
    group by 1, 2
), others as materialized (
    select o.member_id, o.currency, o.paid_at, o.spend_minor
    from counted o
    cross join at
    where (o.member_id is null or o.currency <> $4) and o.paid_at > at.d365
), windows as (
    select w.days, o.currency, o.member_id is null as by_guest, count(*) as orders, sum(o.spend_minor) as spend,
        count(distinct o.member_id) as members
    from others o
    cross join at
    cross join lateral (values ('30d', at.d30), ('90d', at.d90), ('365d', at.d365)) as w (days, since)
    where o.paid_at > w.since
    group by 1, 2, 3
)
insert into snapshot_cells (tenant_id, snapshot_id, topic, a, b, measure, value)
select $1, $2, 'month', m.month, '', v.measure, v.value
from months m cross join lateral (values ('active', m.active), ('orders', m.orders), ('spend', m.spend)) as v (measure, value)
union all
select $1, $2, 'month', to_char(month, 'YYYY-MM'), '', 'joined', members from joined
union all
select $1, $2, 'cohort', to_char(j.month, 'YYYY-MM'), '', v.measure, v.value
from joined j
cross join lateral (values ('members', j.members), ('active_90d', j.active_90d), ('repeated', j.repeated)) as v (measure, value)
union all
-- How many months after the one of joining: two digits, so that they sort.
select $1, $2, 'cohort', to_char(joined, 'YYYY-MM'),
    to_char(extract(year from age(month, joined)) * 12 + extract(month from age(month, joined)), 'FM00'), 'active', active
from cohorts
union all
select $1, $2, 'currency_' || o.days, o.currency, '', v.measure, v.value
from windows o cross join lateral (values ('orders', o.orders), ('spend', o.spend), ('members', o.members)) as v (measure, value)
where not o.by_guest
union all
select $1, $2, 'guests', g.days, '', v.measure, v.value
from (
    select days, sum(orders) as orders, coalesce(sum(spend) filter (where currency = $4), 0) as spend
    from windows where by_guest group by 1
) as g
cross join lateral (values ('orders', g.orders), ('spend', g.spend)) as v (measure, value)
