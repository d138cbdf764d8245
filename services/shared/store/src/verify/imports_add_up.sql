-- Each credit that was brought over against its lot and what its operation has booked.
select count(*) over () as "violations!", 'imported ' || i.external_id as "subject!",
    format('brought over %s of which %s are left; lot %s has %s, its operation booked %s', i.amount_minor, i.left_minor,
        i.lot_id, l.granted_minor, coalesce(e.amount_minor, 0)) as "detail!"
from imported_credits i
join lots l on l.tenant_id = $1 and l.id = i.lot_id
left join (
    select e.operation, sum(e.amount_minor) as amount_minor
    from ledger_entries e
    join operations o on o.tenant_id = $1 and o.key = e.operation and o.kind = 'import'
    where e.tenant_id = $1
    group by e.operation
) as e on e.operation = 'import:' || i.external_id
where i.tenant_id = $1
    and (l.granted_minor <> i.amount_minor or coalesce(e.amount_minor, 0) <> i.left_minor
        or i.reason = 'monthly' and (l.reason <> 'monthly' or l.source_key <> i.period))
order by i.external_id
limit $2
