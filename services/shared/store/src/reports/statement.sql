-- A member's entries in the order in which they were booked, each with the balance after it.
-- $1 tenant  $2 member
select e.id as entry_id, e.currency, e.effective_at, e.recorded_at, e.kind, e.amount_minor,
    (sum(e.amount_minor) over (partition by e.currency order by e.recorded_at, e.id))::bigint as "balance_minor!",
    l.reason, l.source_key, coalesce(o.reason, l.note) as "note", e.operation
from ledger_entries e
join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
left join operations o on o.tenant_id = $1 and o.key = e.operation
where e.tenant_id = $1 and e.member_id = $2
order by e.currency, e.recorded_at, e.id
