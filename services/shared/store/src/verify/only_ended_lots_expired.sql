select count(*) over () as "violations!", 'lot ' || e.lot_id as "subject!",
    format('%s expired as of %s, booked %s, ends %s', -e.amount_minor, e.effective_at, e.recorded_at, l.ends_at)
        as "detail!"
from ledger_entries e
join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
where e.tenant_id = $1 and e.kind = 'expire'
    and (l.ends_at is null or l.ends_at > e.recorded_at or e.effective_at < l.ends_at)
order by e.lot_id
limit $2
