select e.id as "id!", e.member_id as "member_id!", m.external_id as "external_id!", e.kind as "kind!",
    e.amount_minor as "amount_minor!", e.currency as "currency!", l.reason as "reason!", l.source_key as "source_key!", l.note,
    e.effective_at as "effective_at!", e.recorded_at as "recorded_at!", l.expires_at, e.run_id as "run_id?: RunId"
from ledger_entries e
join lots l on l.tenant_id = e.tenant_id and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
join members m on m.tenant_id = e.tenant_id and m.id = e.member_id
where e.tenant_id = $1
    and ($2::text is null or m.external_id = $2)
    and ($3::uuid is null or e.id < $3)
order by e.id desc
limit $4
