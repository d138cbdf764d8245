-- Ends runs that nothing had been tried of, in the commit of what was done for them, and takes away their messages. The row of
-- a run is written once, not once to claim and once to end it, and with it a dozen index entries; and it holds all that there is
-- to tell of the first attempt, unless the run goes on afterwards.
-- By places and arrays: joins of a hundred with a hundred would be planned as if they were few, each with each.
-- $1 runs  $2 their results  $3 worker  $4 build  $5 attempts by the task's policy  $6 those of the runs that wait for their batches
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
    where r.id = any((select $1::uuid[])::uuid[]) and r.attempt = 0 and r.state in ('queued', 'scheduled')
    returning r.id, r.state
), arrived as (
    delete from outbox o where o.run_id = any(array(select id from finished)) and o.kind = 'job'
), attempted as (
    insert into attempts (run_id, attempt, worker, build, started_at, finished_at, outcome)
    select id, 1, $3, $4, now(), clock_timestamp(), state from finished where state = 'waiting'
)
select count(*) as "finished!" from finished
