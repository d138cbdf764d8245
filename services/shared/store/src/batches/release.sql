-- Releases the next planned batches of runs: each becomes a run with a message.
-- $1 parent runs  $2 how many of each  $3 ids for the runs  $4 ids for the outbox
with next as (
    select parent_run_id, seq, row_number() over (order by parent_run_id, seq) as n
    from unnest((select $1::uuid[]), (select $2::bigint[])) as p (id, count)
    cross join lateral (
        select parent_run_id, seq from batches
        where parent_run_id = p.id and state = 'planned'
        order by seq
        limit p.count
        for update skip locked
    ) as locked
), ids as (
    select run_id, outbox_id, n
    from unnest($3::uuid[], $4::uuid[]) with ordinality as i (run_id, outbox_id, n)
), released as (
    update batches b
    set state = 'released', run_id = ids.run_id
    from next join ids using (n)
    where b.parent_run_id = next.parent_run_id and b.seq = next.seq
    returning b.parent_run_id, b.seq, b.run_id, ids.outbox_id
), created as (
    insert into runs (id, tenant_id, task, key, trigger, parent_id, root_id, payload, scheduled_for, urgent,
        traceparent)
    select released.run_id, plan.tenant_id, plan.task, parent.key || '/' || released.seq, 'parent',
        parent.id, parent.root_id, plan.payload, parent.scheduled_for, parent.urgent,
        -- The sweep is no part of a trace.
        coalesce(nullif(current_setting('app.traceparent', true), ''), parent.traceparent)
    from released
    join batch_plans plan on plan.parent_run_id = released.parent_run_id
    join runs parent on parent.id = released.parent_run_id
    returning id, key, task, tenant_id, payload, scheduled_for, urgent
), written as (
    insert into outbox (id, kind, run_id)
    select outbox_id, 'job', run_id from released
    returning id, run_id
)
select w.id as "outbox_id!", c.id as "run_id!: RunId", c.key as "key!", c.task as "task!",
    c.payload as "payload!", c.scheduled_for as "scheduled_for!", c.urgent as "urgent!",
    t.id as "tenant_id!: TenantId", t.handle as "tenant_handle!"
from created c
join written w on w.run_id = c.id
join tenants t on t.id = c.tenant_id
order by c.id
