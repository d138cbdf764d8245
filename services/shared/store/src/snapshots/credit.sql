-- Sums over credit, in the shop's currency: what moved in windows by what it was granted for, what moved in months, when what
-- is left ends; and mails that warned of it.
-- $1 tenant  $2 snapshot  $3 as of  $4 currency  $5 zone
with at as (
    select $3::timestamptz - interval '720 hours' as d30, $3::timestamptz - interval '2160 hours' as d90,
        $3::timestamptz - interval '8760 hours' as d365, date_trunc('month', $3 at time zone $5) as this_month
), calendar as (
    -- When each of the last twelve whole months begins, and when they are over: to find an entry's month by halves.
    select array_agg((at.this_month - make_interval(months => n)) at time zone $5 order by n desc) as begins,
        array_agg((at.this_month - make_interval(months => n))::date order by n desc) as months
    from at cross join generate_series(0, 12) as n
), moved as materialized (
    select l.value_class, l.reason, e.kind, width_bucket(e.effective_at, calendar.begins) as month,
        sum(e.amount_minor) as minor_all,
        sum(e.amount_minor) filter (where e.effective_at > at.d365) as minor_365d,
        sum(e.amount_minor) filter (where e.effective_at > at.d90) as minor_90d,
        sum(e.amount_minor) filter (where e.effective_at > at.d30) as minor_30d,
        count(*) filter (where e.effective_at > at.d365) as moves_365d,
        count(*) filter (where e.effective_at > at.d90) as moves_90d,
        count(*) filter (where e.effective_at > at.d30) as moves_30d
    from calendar
    cross join at
    join ledger_entries e on e.effective_at > least(calendar.begins[1] - interval '1 second', at.d365)
    join lots l on l.tenant_id = $1 and l.id = e.lot_id
    where e.tenant_id = $1 and e.currency = $4 and e.effective_at <= $3
        and e.kind in ('grant', 'spend', 'spend_revert', 'expire', 'clawback')
    group by 1, 2, 3, 4
), kinds as (
    select value_class, reason, month, case kind when 'grant' then 'granted' when 'expire' then 'expired'
        when 'clawback' then 'clawed' else 'redeemed' end as measure, case kind when 'grant' then 1 else -1 end as sign,
        minor_all, minor_365d, minor_90d, minor_30d, moves_365d, moves_90d, moves_30d, kind
    from moved
), windows as (
    select w.days, k.value_class, k.reason, k.measure, sum(k.sign * w.minor) as minor, sum(w.moves) as moves
    from kinds k
    cross join lateral (values ('30d', k.minor_30d, k.moves_30d), ('90d', k.minor_90d, k.moves_90d),
        ('365d', k.minor_365d, k.moves_365d)) as w (days, minor, moves)
    where w.moves > 0
    group by 1, 2, 3, 4
), ending as (
    select days, sum(minor) as minor, sum(lots) as lots, count(*) as members
    from (
        select case when l.ends_at is null then 'never' when l.ends_at <= $3::timestamptz + interval '168 hours' then '0-7'
                when l.ends_at <= $3::timestamptz + interval '336 hours' then '8-14'
                when l.ends_at <= $3::timestamptz + interval '720 hours' then '15-30'
                when l.ends_at <= $3::timestamptz + interval '1440 hours' then '31-60'
                when l.ends_at <= $3::timestamptz + interval '2160 hours' then '61-90' else '91+' end as days,
            l.member_id, sum(l.left_minor) as minor, count(*) as lots
        from lots_as_of($1, $3) l
        where l.currency = $4
        group by 1, 2
    ) as of
    join member_snapshots s on s.tenant_id = $1 and s.snapshot_id = $2 and s.member_id = of.member_id
    group by 1
), mails as (
    select w.days, count(*) as mails, count(distinct d.member_id) as members
    from digests d
    cross join at
    cross join lateral (values ('30d', at.d30), ('90d', at.d90), ('365d', at.d365)) as w (days, since)
    where d.tenant_id = $1 and d.state = 'sent' and d.ended_at <= $3 and d.ended_at > w.since
    group by 1
)
insert into snapshot_cells (tenant_id, snapshot_id, topic, a, b, measure, value)
select $1, $2, 'credit_' || w.days, w.reason, w.value_class, v.measure, v.value
from windows w
cross join lateral (values (w.measure, w.minor), (w.measure || '_moves', w.moves)) as v (measure, value)
union all
select $1, $2, 'month', to_char(calendar.months[k.month], 'YYYY-MM'), '', k.measure, sum(k.sign * k.minor_all)
from kinds k cross join calendar
where k.month between 1 and 12 and k.measure <> 'clawed'
group by 4, 6
union all
select $1, $2, 'ending', e.days, '', v.measure, v.value
from ending e
cross join lateral (values ('minor', e.minor), ('lots', e.lots), ('members', e.members)) as v (measure, value)
union all
select $1, $2, 'mails', m.days, '', v.measure, v.value
from mails m cross join lateral (values ('mails', m.mails), ('members', m.members)) as v (measure, value)
