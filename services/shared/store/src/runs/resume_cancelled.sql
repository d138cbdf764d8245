-- Takes up again what was cancelled at or below these runs: those with children or batches wait for
-- them, the others are queued. Returns the queued ones, for messages.
-- $1 runs
with recursive tree as (
    select id from runs where id = any($1)
    union
    select c.id from tree join runs c on c.parent_id = tree.id
), ancestors as (
    select p.id, p.parent_id from runs r join runs p on p.id = r.parent_id where r.id = any($1)
    union
    select p.id, p.parent_id from ancestors a join runs p on p.id = a.parent_id
), planned as (
    update batches b set state = 'planned'
    where b.parent_run_id in (select id from tree) and b.state = 'cancelled' and b.run_id is null
    returning b.parent_run_id
), resumed as (
    update runs r
    set state = case when exists (select from runs c where c.parent_id = r.id)
            or exists (select from planned where parent_run_id = r.id) then 'waiting' else 'queued' end,
        finished_at = null, error = null, result = null, max_attempts = null
    where r.id in (select id from tree) and r.state = 'cancelled'
    returning id, state
), released as (
    -- An array: for a join, a plan may read all batches there are.
    update batches b set state = 'released'
    where b.run_id = any (array(select id from resumed)) and b.state = 'cancelled'
), waiting as (
    -- Parents that ended because of them, or are about to (as in replay_runs.sql).
    update runs r
    set state = 'waiting', finished_at = null, error_code = null, error = null,
        result = case r.state when 'waiting' then r.result end
    where r.id in (select id from ancestors) and r.state in ('waiting', 'dead', 'cancelled', 'succeeded')
        and exists (select from resumed)
)
select id as "id!: RunId" from resumed where state = 'queued'
