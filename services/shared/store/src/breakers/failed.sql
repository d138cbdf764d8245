-- Counts a failure; opens the breaker at the limit, or again when a trial failed. Runs that were under
-- way while it opened say nothing new. Answers for how many seconds, if it was this failure that opened.
-- One statement that writes the row once: what it would write twice, it would not see.
-- $1 dependency  $2 tenant  $3 code  $4 error  $5 failures that trip it
insert into breakers as b (dependency, tenant_id, failures, error_code, error)
values ($1, $2, 1, $3, $4)
on conflict (dependency, tenant_id) do update
set failures = case when b.open_until is null and b.failed_at < now() - interval '1 minute' then 1
        else b.failures + 1 end,
    (open_until, opened_at, opened) = (
        select case when trips.now
                then now() + make_interval(secs => least(30 * 2 ^ b.opened, 600) * (0.8 + 0.4 * random()))
                else b.open_until end,
            case when trips.now then now() else b.opened_at end,
            b.opened + trips.now::integer
        from (select b.failures + 1 >= $5 and (b.open_until <= now()
            or (b.open_until is null and b.failed_at >= now() - interval '1 minute'))) as trips (now)
    ),
    trial_until = case when b.open_until <= now() then null else b.trial_until end,
    error_code = $3, error = $4, failed_at = now()
returning case when b.opened_at = now() then extract(epoch from b.open_until - now())::float8 end as seconds
