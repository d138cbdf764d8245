-- Ends runs that nothing had been tried of, in the commit of what was done for them: the first attempt of each, the run
-- itself, and its message. The row of a run is written once, not once to claim and once to end it, and with it a dozen
-- index entries.
-- $1 runs  $2 their results  $3 worker  $4 build  $5 attempts by the task's policy
with ended as (
    select run_id, result from unnest($1::uuid[], $2::jsonb[]) as e (run_id, result)
), finished as (
    update runs r
    set state = 'succeeded',
        attempt = 1,
        max_attempts = coalesce(r.max_attempts, $5),
        result = e.result,
        -- The transaction began with the work.
        started_at = now(),
        finished_at = clock_timestamp()
    from ended e
    -- The ids again: a plan from the tables' first days would scan them whole for the join alone.
    where r.id = any((select $1::uuid[])::uuid[]) and r.id = e.run_id and r.attempt = 0 and r.state = 'queued'
    returning r.id
), arrived as (
    delete from outbox o using finished f
    where o.run_id = any((select $1::uuid[])::uuid[]) and o.run_id = f.id and o.kind = 'job'
)
insert into attempts (run_id, attempt, worker, build, started_at, finished_at, outcome)
select id, 1, $3, $4, now(), clock_timestamp(), 'succeeded' from finished
