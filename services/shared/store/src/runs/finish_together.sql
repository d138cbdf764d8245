-- Ends attempts that succeeded, those that are still the latest of their runs.
-- $1 runs  $2 their attempts  $3 their results
with ended as (
    select run_id, attempt, result from unnest($1::uuid[], $2::int[], $3::jsonb[]) as e (run_id, attempt, result)
), finished as (
    update runs r
    set state = 'succeeded',
        lease_expires_at = null,
        next_attempt_at = null,
        result = e.result,
        error_code = null,
        error = null,
        -- Not now(): the transaction began before the work did.
        finished_at = clock_timestamp()
    from ended e
    -- The ids again: a plan from the tables' first days would scan them whole for the join alone.
    where r.id = any((select $1::uuid[])::uuid[]) and r.id = e.run_id and r.attempt = e.attempt and r.state = 'running'
    returning r.id, r.attempt
)
update attempts a
set outcome = 'succeeded', finished_at = clock_timestamp()
from finished f
where a.run_id = any((select $1::uuid[])::uuid[]) and a.run_id = f.id and a.attempt = f.attempt
