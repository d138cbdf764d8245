select count(*) over () as "violations!", 'lot ' || l.id as "subject!",
    format('remaining %s, entries add up to %s', l.remaining_minor, coalesce(e.sum_minor, 0)) as "detail!"
from lots l
left join (
    select lot_id, sum(amount_minor) as sum_minor from ledger_entries where tenant_id = $1 group by lot_id
) as e on e.lot_id = l.id
where l.tenant_id = $1 and l.remaining_minor is distinct from coalesce(e.sum_minor, 0)
order by l.id
limit $2
