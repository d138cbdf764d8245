-- Ends an attempt, if it is still the latest. No row: superseded.
-- $1 run  $2 attempt  $3 state of the run  $4 result  $5 error code  $6 error  $7 to be tried after seconds
-- $8 outcome of the attempt
with finished as (
    update runs
    set state = $3,
        lease_expires_at = null,
        next_attempt_at = case when $3 in ('retrying', 'scheduled') then clock_timestamp() + make_interval(secs => $7) end,
        -- Whoever asked to be called later has not used up an attempt.
        max_attempts = case when $3 = 'scheduled' then max_attempts + 1 else max_attempts end,
        result = $4,
        error_code = $5,
        error = $6,
        -- Not now(): the transaction began before the work did.
        finished_at = case when $3 in ('succeeded', 'dead') then clock_timestamp() end
    where id = $1 and attempt = $2 and state = 'running'
    returning id
)
update attempts a
set outcome = $8, error_code = $5, error = $6, finished_at = clock_timestamp()
from finished
where a.run_id = $1 and a.attempt = $2
