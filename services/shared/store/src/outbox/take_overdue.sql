-- Overdue messages, each with its next turn put off: 5 seconds, doubling up to 10 minutes. What a run that has ended left
-- (a duplicate's, or a cancelled one's) goes.
with due as (
    select id, kind, run_id from outbox where next_publish_at <= now()
    order by next_publish_at
    limit $1
    for update skip locked
), over as (
    select due.id from due join runs r on r.id = due.run_id where due.kind = 'job' and r.finished_at is not null
), forgotten as (
    delete from outbox o using over where o.id = over.id
), taken as (
    update outbox o
    set turns = least(o.turns + 1, 7), held_by = null, held_because = null,
        next_publish_at = now() + least(interval '5 seconds' * (2 ^ o.turns), interval '10 minutes')
    from due where o.id = due.id and not exists (select from over where over.id = due.id)
    returning o.*
)
select o.id as "outbox_id!", o.run_id as "run_id: RunId", o.subject, o.error_code, o.body,
    o.headers as "headers: Json<Vec<(String, String)>>",
    r.task as "task?", r.key as "key?", r.scheduled_for as "scheduled_for?", r.payload as "payload?",
    r.urgent as "urgent?", r.traceparent as "traceparent?", r.tenant_id as "tenant_id?: crate::TenantId", t.handle as "tenant_handle?"
from taken o
left join runs r on r.id = o.run_id and o.kind = 'job'
left join tenants t on t.id = r.tenant_id
