-- Releases the next planned batches of runs: each becomes a run with a message.
-- Batches are released in their order, so they are looked for from one on that was: the index's entries of all that were planned
-- before it are dead, and would be gone through each time. Those before it are taken when there are too few behind it: what
-- was cancelled with its run and is resumed, or was locked by a transaction that did not commit.
-- $1 parent runs  $2 how many of each  $3 from which on  $4 ids for the runs  $5 ids for the outbox
with next as (
    select p.id as parent_run_id, seq, row_number() over (order by p.id, seq) as n,
        plan.tenant_id, plan.task, plan.payload
    from unnest((select $1::uuid[]), (select $2::bigint[]), (select $3::integer[])) as p (id, count, from_seq)
    -- What has no plan stays planned, and its run waits.
    -- The ids again: for the join alone the planner may go through all plans there are.
    join batch_plans plan on plan.parent_run_id = any((select $1::uuid[])::uuid[]) and plan.parent_run_id = p.id
    cross join lateral (
        select array_agg(seq) as seqs, count(*) as count from (
            select seq from batches
            where parent_run_id = p.id and state = 'planned' and seq >= p.from_seq
            order by seq
            limit p.count
            for update skip locked) as locked
    ) as behind
    cross join lateral (
        select array_agg(seq) as seqs from (
            select seq from batches
            where parent_run_id = p.id and state = 'planned' and seq < p.from_seq
            order by seq
            limit p.count - behind.count
            for update skip locked) as locked
    ) as before
    cross join lateral unnest(behind.seqs || before.seqs) as seq
), ids as (
    select run_id, outbox_id, n
    from unnest((select $4::uuid[]), (select $5::uuid[])) with ordinality as i (run_id, outbox_id, n)
), released as (
    update batches b
    set state = 'released', run_id = ids.run_id
    from next join ids using (n)
    where b.parent_run_id = next.parent_run_id and b.seq = next.seq
    returning b.parent_run_id, b.seq, b.run_id, ids.outbox_id, next.tenant_id, next.task, next.payload
), created as (
    insert into runs (id, tenant_id, task, key, trigger, parent_id, root_id, payload, scheduled_for, urgent,
        traceparent)
    select released.run_id, released.tenant_id, released.task, parent.key || '/' || released.seq, 'parent',
        parent.id, parent.root_id, released.payload, parent.scheduled_for, parent.urgent,
        -- The sweep is no part of a trace.
        coalesce(nullif(current_setting('app.traceparent', true), ''), parent.traceparent)
    from released
    -- The ids again: for the join alone the planner may go through all older runs, up to the parent's.
    join runs parent on parent.id = any((select $1::uuid[])::uuid[]) and parent.id = released.parent_run_id
    returning id, key, task, tenant_id, payload, scheduled_for, urgent
), written as (
    insert into outbox (id, kind, run_id)
    select outbox_id, 'job', run_id from released
    returning id, run_id
)
select w.id as "outbox_id!", c.id as "run_id!: RunId", c.key as "key!", c.task as "task!",
    c.payload as "payload!", c.scheduled_for as "scheduled_for!", c.urgent as "urgent!",
    c.tenant_id as "tenant_id!: TenantId",
    -- One by one: a join might go through all tenants.
    (select t.handle from tenants t where t.id = c.tenant_id) as "tenant_handle!"
from created c
join written w on w.run_id = c.id
order by c.id
