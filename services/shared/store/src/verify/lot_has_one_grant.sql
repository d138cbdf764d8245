select count(*) over () as "violations!", 'lot ' || l.id as "subject!",
    format('granted %s, grant entries %s of %s together', l.granted_minor, coalesce(e.grants, 0),
        coalesce(e.sum_minor, 0)) as "detail!"
from lots l
left join (
    select lot_id, count(*) as grants, sum(amount_minor) as sum_minor
    from ledger_entries where tenant_id = $1 and kind in ('grant', 'transfer_in') group by lot_id
) as e on e.lot_id = l.id
where l.tenant_id = $1 and (coalesce(e.grants, 0) <> 1 or e.sum_minor <> l.granted_minor)
order by l.id
limit $2
