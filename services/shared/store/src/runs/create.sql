-- Creates a run and its message, unless its key exists: then there is no row. Answers whether the
-- message is to be published now; otherwise the sweep does when the time has come.
-- $1 run  $2 tenant  $3 task  $4 key  $5 trigger  $6 triggered by  $7 payload  $8 scheduled for
-- $9 outbox id  $10 not before  $11 urgent  $12 tags  $13 held by  $14 held because
-- $15 parent  $16 root  $17 the trace that led to it
with run as (
    insert into runs (id, tenant_id, task, key, trigger, triggered_by, parent_id, root_id, payload, scheduled_for,
        state, next_attempt_at, urgent, tags, traceparent)
    values ($1::uuid, $2, $3, $4, $5, $6, $15::uuid, coalesce($16::uuid, $1::uuid), $7, $8,
        case when $10::timestamptz > now() then 'scheduled' else 'queued' end,
        case when $10 > now() then $10 end, $11, $12, $17)
    on conflict (task, tenant_id, key) do nothing
    returning id, state = 'queued' and $13::text is null as is_due
), written as (
    insert into outbox (id, kind, run_id, held_by, held_because, next_publish_at)
    select $9, 'job', id, $13, $14, case when $13 is not null then 'infinity' when $10 > now() then $10
        else now() + interval '5 seconds' end from run
)
select is_due as "is_due!" from run
