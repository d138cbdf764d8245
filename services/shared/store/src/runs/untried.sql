-- Runs that nothing has been tried of and nothing holds back. Nothing is written: what is done for them and their
-- ends are one commit (finish_untried.sql). Whatever might hold one back leaves it to the claim, which looks closely.
-- $1 run ids  $2 attempts by the task's policy  $3 what the task depends on
select r.id as "run_id!: RunId", r.tenant_id as "tenant_id!: TenantId",
    -- One by one: a join might go through all tenants.
    (select t.handle from tenants t where t.id = r.tenant_id) as "tenant_handle!",
    r.task as "task!", r.key as "key!", r.parent_id as "parent_id: RunId", r.root_id as "root_id!: RunId",
    r.payload as "payload!", r.scheduled_for as "scheduled_for!",
    r.traceparent, coalesce(r.max_attempts, $2) as "max_attempts!", r.urgent as "urgent!",
    b.first_member_id as "first_member_id?", b.last_member_id as "last_member_id?", b.members as "members?"
from runs r
left join batches b on b.run_id = any((select $1::uuid[])::uuid[]) and b.run_id = r.id
where r.id = any((select $1::uuid[])::uuid[]) and r.tenant_id is not null and r.attempt = 0
    -- A little early is on time: the broker's clock measured the wait.
    and (r.state = 'queued' or r.state = 'scheduled' and r.next_attempt_at <= clock_timestamp() + interval '100 milliseconds')
    and not exists (select from pauses p where p.tenant_id is null or p.tenant_id = r.tenant_id)
    and not exists (select from breakers b where b.dependency = any((select $3::text[])::text[]))
    and not exists (select from limits l where l.task = r.task)
