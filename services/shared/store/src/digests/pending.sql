-- The mails of a run that are still to be sent, each with its lots.
-- $1 tenant  $2 run of the batch; null: any  $3 one digest; null: any
select d.id, d.member_id, d.locale, d.zone, d.written_at, w.amount_minor as "amount_minor?",
    w.currency as "currency?", w.expires_at as "expires_at?", c.subject as "subject?", c.body as "body?"
from digests d
left join warnings w on w.tenant_id = d.tenant_id and w.digest_id = d.id
left join campaigns c on c.tenant_id = d.tenant_id and c.id = d.campaign_id
where d.tenant_id = $1 and d.state = 'pending'
    and ($2::uuid is null or d.run_id = $2) and ($3::uuid is null or d.id = $3)
order by d.id, w.expires_at, w.lot_id
