-- Mails of a tenant, newest first; without addresses.
select d.id, t.handle as tenant_handle, d.member_id, d.day, d.state, d.dropped_because, d.locale, d.written_at,
    d.run_id as "run_id: RunId", d.sender_run_id as "sender_run_id: RunId", d.tries, d.taken_at, d.ended_at,
    d.answer, d.error_code, d.error, d.resolved_by, d.campaign_id as "campaign_id: CampaignId", c.name as "campaign?",
    (select count(*) from warnings w where w.tenant_id = d.tenant_id and w.digest_id = d.id) as "lots!"
from digests d
join tenants t on t.id = d.tenant_id
left join campaigns c on c.tenant_id = d.tenant_id and c.id = d.campaign_id
where d.tenant_id = $1 and ($2::uuid is null or d.id = $2) and ($3::text is null or d.state = $3)
    and ($4::date is null or d.day = $4) and ($6::uuid is null or d.member_id = $6)
    and ($7::uuid is null or d.campaign_id = $7)
order by d.id desc
limit $5
