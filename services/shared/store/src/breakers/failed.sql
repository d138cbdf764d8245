-- Counts a failure; opens the breaker at the limit, or again when a trial failed. Answers for how many
-- seconds, if it was this failure that opened it.
-- $1 dependency  $2 tenant  $3 code  $4 error  $5 failures that trip it
with counted as (
    insert into breakers as b (dependency, tenant_id, failures, error_code, error)
    values ($1, $2, 1, $3, $4)
    on conflict (dependency, tenant_id) do update
    set failures = case when b.open_until is null and b.failed_at < now() - interval '1 minute' then 1
            else b.failures + 1 end,
        error_code = $3, error = $4, failed_at = now()
    returning failures, open_until, opened
), tripped as (
    select least(30 * 2 ^ opened, 600) * (0.8 + 0.4 * random()) as seconds
    from counted
    -- Runs that were under way while it opened say nothing new.
    where failures >= $5 and (open_until is null or open_until <= now())
), opened as (
    update breakers b
    set open_until = now() + make_interval(secs => tripped.seconds), opened = b.opened + 1, trial_until = null
    from tripped
    where b.dependency = $1 and b.tenant_id is not distinct from $2
)
select (select seconds from tripped) as seconds
