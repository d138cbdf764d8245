-- Cancels runs that are locked. Whoever works on one can't commit any more: its run is not running.
-- What lies in the outbox is found by an array: that is empty at most times, and a plan from such a time would go through all
-- of it for each run.
-- $1 runs  $2 why
with cancelled as (
    update runs
    set state = 'cancelled', lease_expires_at = null, next_attempt_at = null,
        error_code = null, error = $2, finished_at = clock_timestamp()
    -- The states say that it is unfinished. Asking for finished_at as well would let the planner take the index of unfinished
    -- runs, and read all of it.
    where id = any($1) and state in ('scheduled', 'queued', 'running', 'waiting', 'retrying')
    returning id, parent_id
), attempted as (
    update attempts a set outcome = 'cancelled', finished_at = clock_timestamp()
    from cancelled c where a.run_id = c.id and a.outcome is null
), unsent as (
    delete from outbox o where o.run_id = any(array(select id from cancelled)) and o.kind = 'job'
), unplanned as (
    update batches b set state = 'cancelled'
    from cancelled c where b.parent_run_id = c.id and b.state = 'planned'
), unreleased as (
    update batches b set state = 'cancelled'
    from cancelled c where b.run_id = c.id and b.state = 'released'
)
select id as "id!: RunId", parent_id as "parent_id: RunId" from cancelled
