-- What became of each month's grants.
-- $1 tenant  $2 zone
with moved as (
    select e.lot_id, min(e.effective_at) filter (where e.kind in ('grant', 'transfer_in')) as granted_at,
        min(e.effective_at) filter (where e.kind = 'spend') as used_at,
        -coalesce(sum(e.amount_minor) filter (where e.kind in ('spend', 'spend_revert')), 0) as spent_minor,
        -coalesce(sum(e.amount_minor) filter (where e.kind = 'expire'), 0) as expired_minor,
        -coalesce(sum(e.amount_minor) filter (where e.kind in ('clawback', 'adjust', 'transfer_out',
            'debt_recover')), 0) as taken_minor
    from ledger_entries e where e.tenant_id = $1
    group by e.lot_id
)
select l.currency, l.value_class, date_trunc('month', m.granted_at at time zone $2)::date as "month!",
    count(*) as "lots!", sum(l.granted_minor)::bigint as "granted_minor!",
    sum(m.spent_minor)::bigint as "spent_minor!", sum(m.expired_minor)::bigint as "expired_minor!",
    sum(m.taken_minor)::bigint as "taken_minor!", sum(l.remaining_minor)::bigint as "remaining_minor!",
    (percentile_disc(0.5) within group (order by extract(day from m.used_at - m.granted_at)))::bigint
        as "days_to_first_use"
from moved m
join lots l on l.tenant_id = $1 and l.id = m.lot_id
group by 1, 2, 3
order by 1, 2, 3
