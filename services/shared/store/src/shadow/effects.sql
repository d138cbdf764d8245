-- What a batch's run has done in this transaction, before it is undone.
-- $1 tenant  $2 run of the batch  $3 first member  $4 last member
select 'grant' as "kind!", l.source_key as "key!", l.member_id as "member_id!", l.currency as "currency!",
    l.granted_minor as "amount_minor!", coalesce(l.available_at, l.created_at) as "effective_at!"
from lots l
where l.tenant_id = $1 and l.run_id = $2 and l.member_id between $3 and $4 and l.reason = 'monthly'
union all
select 'expire', l.id::text, l.member_id, l.currency, -e.amount_minor, e.effective_at
from lots l
join ledger_entries e on e.tenant_id = $1 and e.lot_id = l.id and e.run_id = $2 and e.kind = 'expire'
where l.tenant_id = $1 and l.member_id between $3 and $4
union all
select 'warning', w.lot_id::text, w.member_id, w.currency, w.amount_minor, w.expires_at
from lots l
join warnings w on w.tenant_id = $1 and w.lot_id = l.id and w.run_id = $2 and w.digest_id is not null
where l.tenant_id = $1 and l.member_id between $3 and $4
order by 3, 2
