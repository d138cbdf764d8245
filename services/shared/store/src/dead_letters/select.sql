-- Dead letters by any of these, oldest first; with the state of their runs now and, for a batch, how
-- far it had come.
-- $1 ids  $2 fingerprint  $3 code  $4 task  $5 tenant  $6 dead since  $7 dead until
-- $8 those resolved too  $9 limit  $10 newest first  $11 at or below one of these runs
select d.id, d.run_id as "run_id: RunId", d.tenant_id as "tenant_id: TenantId", t.handle as "tenant_handle?",
    d.task, d.subject, d.message, d.headers as "headers: Json<Vec<(String, String)>>", d.code, d.errors, d.fingerprint, d.build, d.dead_at,
    d.resolution, d.resolved_at, d.resolved_by,
    r.state as "run_state?", r.key as "run_key?", r.attempt as "run_attempt?", r.payload as "run_payload?",
    b.members as "batch_members?", b.first_member_id as "batch_first?", b.last_member_id as "batch_last?"
from dead_letters d
left join tenants t on t.id = d.tenant_id
left join runs r on r.id = d.run_id
left join batches b on b.run_id = d.run_id
where ($1::uuid[] is null or d.id = any($1))
    and ($2::text is null or d.fingerprint = $2)
    and ($3::text is null or d.code = $3)
    and ($4::text is null or d.task = $4)
    and ($5::text is null or t.handle = $5)
    and ($6::timestamptz is null or d.dead_at >= $6)
    and ($7::timestamptz is null or d.dead_at < $7)
    and ($11::uuid[] is null or r.id = any($11) or r.parent_id = any($11) or r.root_id = any($11))
    and ($8::boolean or d.resolution is null)
order by case when $10::boolean then d.id end desc, d.id
limit $9
