-- Sums over orders: windows beside those before them, months with who joined in them, what members of each month's joining did in the months after it,
-- currencies other than the shop's, and guests.
-- $1 tenant  $2 snapshot  $3 as of  $4 currency  $5 zone
with at as (
    select $3::timestamptz - interval '720 hours' as d30, $3::timestamptz - interval '1440 hours' as d60,
        $3::timestamptz - interval '2160 hours' as d90, $3::timestamptz - interval '4320 hours' as d180,
        $3::timestamptz - interval '8760 hours' as d365, date_trunc('month', $3 at time zone $5) as this_month
), counted as materialized (
    select s.member_id, date_trunc('month', s.joined_on::timestamp) as joined_month, o.currency, o.paid_at, o.spend_minor,
        o.member_id is null as by_guest
    from orders_as_of($1, $3) o
    cross join at
    left join member_snapshots s on s.tenant_id = $1 and s.snapshot_id = $2 and s.member_id = o.member_id
    -- A member who is forgotten by now is in no sum.
    where (s.member_id is not null or o.member_id is null)
        and o.paid_at > least((at.this_month - interval '13 months') at time zone $5, at.d365)
), by_member as materialized (
    select c.member_id, c.joined_month, date_trunc('month', c.paid_at at time zone $5) as month, count(*) as orders,
        coalesce(sum(c.spend_minor) filter (where c.currency = $4), 0) as spend
    from counted c
    where not c.by_guest
    group by 1, 2, 3
), months as (
    select to_char(month, 'YYYY-MM') as month, count(*) as active, sum(orders) as orders, sum(spend) as spend
    from by_member cross join at
    where month < at.this_month and month >= at.this_month - interval '12 months'
    group by 1
), joined as (
    select to_char(joined_on, 'YYYY-MM') as month, count(*) as members, count(*) filter (where orders_90d > 0) as active_90d,
        count(*) filter (where orders_all > 1) as repeated
    from member_snapshots cross join at
    where tenant_id = $1 and snapshot_id = $2
        and joined_on < at.this_month and joined_on >= at.this_month - interval '12 months'
    group by 1
), cohorts as (
    select to_char(joined_month, 'YYYY-MM') as joined,
        -- How many months after the one of joining: two digits, so that they sort.
        to_char(extract(year from age(month, joined_month)) * 12 + extract(month from age(month, joined_month)), 'FM00')
            as after,
        count(*) as active
    from by_member cross join at
    where joined_month >= at.this_month - interval '12 months' and month < at.this_month and month >= joined_month
    group by 1, 2
), windows as (
    select w.days, count(*) as orders, coalesce(sum(c.spend_minor) filter (where c.currency = $4), 0) as spend,
        count(distinct c.member_id) as active
    from counted c
    cross join at
    cross join lateral (values ('30d', at.d30, $3::timestamptz), ('prior_30d', at.d60, at.d30),
        ('90d', at.d90, $3), ('prior_90d', at.d180, at.d90)) as w (days, since, until)
    where not c.by_guest and c.paid_at > w.since and c.paid_at <= w.until
    group by 1
), others as (
    select c.currency, w.days, count(*) as orders, sum(c.spend_minor) as spend, count(distinct c.member_id) as members
    from counted c
    cross join at
    cross join lateral (values ('30d', at.d30), ('90d', at.d90), ('365d', at.d365)) as w (days, since)
    where not c.by_guest and c.currency <> $4 and c.paid_at > w.since
    group by 1, 2
), guests as (
    select w.days, count(*) as orders, coalesce(sum(c.spend_minor) filter (where c.currency = $4), 0) as spend
    from counted c
    cross join at
    cross join lateral (values ('30d', at.d30), ('90d', at.d90), ('365d', at.d365)) as w (days, since)
    where c.by_guest and c.paid_at > w.since
    group by 1
)
insert into snapshot_cells (tenant_id, snapshot_id, topic, a, b, measure, value)
select $1, $2, 'month', m.month, '', v.measure, v.value
from months m cross join lateral (values ('active', m.active), ('orders', m.orders), ('spend', m.spend)) as v (measure, value)
union all
select $1, $2, 'month', month, '', 'joined', members from joined
union all
select $1, $2, 'cohort', j.month, '', v.measure, v.value
from joined j
cross join lateral (values ('members', j.members), ('active_90d', j.active_90d), ('repeated', j.repeated)) as v (measure, value)
union all
select $1, $2, 'cohort', joined, after, 'active', active from cohorts
union all
select $1, $2, 'window', w.days, '', v.measure, v.value
from windows w cross join lateral (values ('orders', w.orders), ('spend', w.spend), ('active', w.active)) as v (measure, value)
union all
select $1, $2, 'currency_' || o.days, o.currency, '', v.measure, v.value
from others o cross join lateral (values ('orders', o.orders), ('spend', o.spend), ('members', o.members)) as v (measure, value)
union all
select $1, $2, 'guests', g.days, '', v.measure, v.value
from guests g cross join lateral (values ('orders', g.orders), ('spend', g.spend)) as v (measure, value)
