-- What the run of a batch wrote, by member.
-- $1 tenant  $2 the batch's run  $3 at most
select m.external_id as "external_id!", e.kind as "kind!", e.amount_minor as "amount_minor!", e.currency as "currency!",
    l.reason as "reason!", l.source_key as "source_key!", l.expires_at
from batches b
join lots l on l.tenant_id = $1 and l.member_id between b.first_member_id and b.last_member_id
join ledger_entries e on e.tenant_id = $1 and e.lot_id = l.id and e.run_id = $2
join members m on m.tenant_id = $1 and m.id = l.member_id and m.id between b.first_member_id and b.last_member_id
where b.run_id = $2 and b.tenant_id = $1
order by l.member_id, e.id
limit $3
