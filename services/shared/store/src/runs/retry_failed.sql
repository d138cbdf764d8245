-- Tries what failed below a root run again: the runs that failed by themselves get new attempts, and
-- those that only waited for them wait again. Keys protect what had taken effect.
-- $1 root run  $2 code of runs whose children failed
with failed as (
    update runs
    set state = 'queued', finished_at = null, error_code = null, error = null, result = null,
        max_attempts = attempt + coalesce(max_attempts, 1)
    where root_id = $1 and state = 'dead' and error_code <> $2
    returning id
), waiting as (
    update runs
    set state = 'waiting', finished_at = null, error_code = null, error = null, result = null
    where root_id = $1 and state = 'dead' and error_code = $2
), released as (
    update batches b set state = 'released' from failed where b.run_id = failed.id and b.state = 'dead'
)
insert into outbox (id, kind, run_id, next_publish_at)
select gen_random_uuid(), 'job', id, now() from failed
