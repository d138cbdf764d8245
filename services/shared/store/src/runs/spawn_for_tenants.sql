-- $1 run ids  $2 outbox ids  $3 tenants  $4 their starts  $5 task  $6 key  $7 parent  $8 root  $9 payload
-- $10 scheduled for  $11 urgent
with spawned as (
    insert into runs (id, tenant_id, task, key, trigger, parent_id, root_id, payload, scheduled_for, urgent,
        state, next_attempt_at)
    select n.run_id, n.tenant_id, $5, $6, 'parent', $7, $8, $9, $10, $11,
        case when n.start > now() then 'scheduled' else 'queued' end, case when n.start > now() then n.start end
    from unnest($1::uuid[], $3::bigint[], $4::timestamptz[]) as n (run_id, tenant_id, start)
    on conflict (task, tenant_id, key) do nothing
    returning id, tenant_id, next_attempt_at
), written as (
    insert into outbox (id, kind, run_id, next_publish_at)
    select n.outbox_id, 'job', n.run_id, coalesce(spawned.next_attempt_at, now() + interval '5 seconds')
    from unnest($1::uuid[], $2::uuid[]) as n (run_id, outbox_id)
    join spawned on spawned.id = n.run_id
    returning id, run_id
)
select w.id as "outbox_id!", s.id as "run_id!: RunId", s.tenant_id as "tenant_id!: TenantId",
    s.next_attempt_at is null as "is_due!"
from spawned s join written w on w.run_id = s.id
order by s.id
