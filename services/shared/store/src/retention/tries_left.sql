-- Runs of agents with tries that nobody comes back to.
-- $1 tenant  $2 minutes  $3 runs
with open as materialized (
    -- The oldest by their index first: for as many different runs, a plan may go through all tries in the order of runs.
    select run_id from model_attempts
    where tenant_id = $1 and state in ('reserved', 'sent') and reserved_at < now() - make_interval(mins => $2)
    order by reserved_at
    limit $3
)
select distinct run_id as "run_id!: RunId" from open
