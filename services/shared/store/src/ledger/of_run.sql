-- What a run wrote that executes no batch, in the order in which it was booked.
-- $1 tenant  $2 run  $3 the first id that it could have given  $4 the first that it could not any more  $5 at most
select m.external_id as "external_id!", e.kind as "kind!", e.amount_minor as "amount_minor!", e.currency as "currency!",
    l.reason as "reason!", l.source_key as "source_key!", l.expires_at
from ledger_entries e
join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
join members m on m.tenant_id = $1 and m.id = e.member_id
where e.tenant_id = $1 and e.id >= $3 and e.id < $4 and e.run_id = $2
order by e.id
limit $5
