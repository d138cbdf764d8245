select count(*) over () as "violations!", format('batch %s of run %s', b.seq, b.parent_run_id) as "subject!",
    format('reports %s credits of %s together, the ledger holds %s of %s', b.granted, b.granted_minor,
        coalesce(l.lots, 0), coalesce(l.granted_minor, 0)) as "detail!"
from batches b
left join (
    select run_id, count(*) as lots, sum(granted_minor) as granted_minor
    from lots where tenant_id = $1 group by run_id
) as l on l.run_id = b.run_id
where b.tenant_id = $1
    and (b.granted <> coalesce(l.lots, 0) or b.granted_minor <> coalesce(l.granted_minor, 0))
order by b.parent_run_id, b.seq
limit $2
