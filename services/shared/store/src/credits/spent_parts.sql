-- What a spend took from each lot, in the order of use, and what of it was given back.
-- $1 tenant  $2 key of the spend
select clock_timestamp() as "now!", e.lot_id, -e.amount_minor as "spent_minor!",
    coalesce((
        select sum(r.amount_minor)
        from operations o
        join ledger_entries r on r.tenant_id = $1 and r.operation = o.key
        where o.tenant_id = $1 and o.of_key = $2 and r.lot_id = e.lot_id and r.kind = 'spend_revert'
    ), 0)::bigint as "reverted_minor!",
    l.value_class, l.remaining_minor, l.held_minor, l.available_at, l.ends_at, l.created_at
from ledger_entries e
join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
where e.tenant_id = $1 and e.operation = $2 and e.kind = 'spend'
order by e.id
