-- A member's entries in the order in which they were booked, each with the balance after it.
-- $1 tenant  $2 member
select e.id as entry_id, e.currency, e.effective_at, e.recorded_at, e.kind, e.amount_minor,
    (sum(e.amount_minor) over (partition by e.currency order by e.recorded_at, e.id))::bigint as "balance_minor!",
    l.reason,
    -- What came from another member says what it was there; what went says to whom.
    coalesce(case when l.reason = 'transferred' then lot_origin($1, l.id) end, l.source_key) as "source_key!",
    coalesce(o.reason, l.note) as "note", e.operation
from lots l
join ledger_entries e on e.tenant_id = $1 and e.lot_id = l.id
left join operations o on o.tenant_id = $1 and o.key = e.operation
where l.tenant_id = $1 and l.member_id = $2
order by e.currency, e.recorded_at, e.id
