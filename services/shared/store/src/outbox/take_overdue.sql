-- Overdue messages, each with its next turn put off: 5 seconds, doubling up to 10 minutes. What a run that has ended left
-- (a duplicate's, or a cancelled one's) goes.
-- By arrays: the table is empty at most times, and a plan from such a time would join each of the due with each there is,
-- while all that are to be done wait for the rows that it has locked.
with due as materialized (
    select id, kind, run_id from outbox where next_publish_at <= now()
    order by next_publish_at
    limit $1
    for update skip locked
), over as materialized (
    select id from due
    where kind = 'job' and run_id = any(array(
        select r.id from runs r
        where r.id = any(array(select run_id from due where kind = 'job')) and r.finished_at is not null))
), forgotten as (
    delete from outbox where id = any(array(select id from over))
), taken as (
    update outbox
    set turns = least(turns + 1, 7), held_by = null, held_because = null,
        next_publish_at = now() + least(interval '5 seconds' * (2 ^ turns), interval '10 minutes')
    where id = any(array(select id from due except select id from over))
    returning *
)
select o.id as "outbox_id!", o.run_id as "run_id: RunId", o.subject, o.error_code, o.body,
    o.headers as "headers: Json<Vec<(String, String)>>",
    r.task as "task?", r.key as "key?", r.scheduled_for as "scheduled_for?", r.payload as "payload?",
    r.urgent as "urgent?", r.traceparent as "traceparent?", r.tenant_id as "tenant_id?: crate::TenantId",
    -- One by one: a join might go through all tenants.
    (select t.handle from tenants t where t.id = r.tenant_id) as "tenant_handle?"
from taken o
-- The ids again: for the join alone the planner may go through all older runs, up to these.
left join runs r on r.id = any(array(select run_id from taken where kind = 'job')) and r.id = o.run_id and o.kind = 'job'
