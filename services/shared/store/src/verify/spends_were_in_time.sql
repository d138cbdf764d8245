-- Nothing was spent before it could be, or at or after its end; but what a checkout had authorised before its
-- end may be captured for 24 hours after it.
select count(*) over () as "violations!", 'lot ' || e.lot_id as "subject!",
    format('%s of %s as of %s, available %s, ends %s', e.kind, e.amount_minor, e.effective_at, l.available_at,
        l.ends_at) as "detail!"
from ledger_entries e
join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
where e.tenant_id = $1 and e.kind = 'spend'
    and (l.available_at is null or e.effective_at < l.available_at
        or (e.effective_at >= l.ends_at and not exists (
            select from holds h
            where h.tenant_id = $1 and h.operation = e.operation and h.authorised_at < l.ends_at
                and e.effective_at < l.ends_at + interval '24 hours')))
order by e.lot_id
limit $2
