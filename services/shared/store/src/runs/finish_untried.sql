-- Ends runs that nothing had been tried of, in the commit of what was done for them, and takes away their messages. The row of
-- a run is written once, not once to claim and once to end it, and with it a dozen index entries; and it holds all that there is
-- to tell of the first attempt, unless the run goes on afterwards.
-- By places and arrays: joins of a hundred with a hundred would be planned as if they were few, each with each.
-- $1 runs  $2 their results  $3 worker  $4 build  $5 attempts by the task's policy  $6 those of the runs that wait for their batches
-- $7 whether they were taken at their messages' word: what holds runs back is asked here then, and what their rows say is told
-- $8 what the task depends on
with finished as (
    update runs r
    set state = case when r.id = any($6) then 'waiting' else 'succeeded' end,
        attempt = 1,
        worker = case when r.id = any($6) then null else $3 end,
        build = case when r.id = any($6) then null else $4 end,
        max_attempts = coalesce(r.max_attempts, $5),
        next_attempt_at = null,
        result = ($2::jsonb[])[array_position($1::uuid[], r.id)],
        -- The transaction began with the work.
        started_at = now(),
        finished_at = case when r.id = any($6) then null else clock_timestamp() end
    where r.id = any((select $1::uuid[])::uuid[]) and r.attempt = 0
        -- A little early is on time: the broker's clock measured the wait.
        and (r.state = 'queued' or r.state = 'scheduled' and r.next_attempt_at <= clock_timestamp() + interval '100 milliseconds')
        -- From subqueries, so that one plan is kept for both.
        and (not (select $7::bool) or not (
            exists (select from pauses p where p.tenant_id is null or p.tenant_id = r.tenant_id)
            or exists (select from breakers b where b.dependency = any((select $8::text[])::text[]))
            or exists (select from limits l where l.task = r.task)))
    returning r.id, r.state, r.tenant_id, r.task, r.key, r.parent_id, r.payload, r.scheduled_for, r.created_at
), arrived as (
    delete from outbox o where o.run_id = any(array(select id from finished)) and o.kind = 'job'
), attempted as (
    insert into attempts (run_id, attempt, worker, build, started_at, finished_at, outcome)
    select id, 1, $3, $4, now(), clock_timestamp(), state from finished where state = 'waiting'
)
select id as "run_id!: RunId", tenant_id as "tenant_id: TenantId", task as "task!", key as "key!", parent_id as "parent_id: RunId",
    case when (select $7::bool) then payload end as "payload", scheduled_for as "scheduled_for!",
    extract(epoch from now() - greatest(scheduled_for, created_at))::float8 as "waited_seconds!"
from finished
