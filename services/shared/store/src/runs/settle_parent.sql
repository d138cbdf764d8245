-- Fan-in: ends a waiting run when no unfinished child and no planned batch is left. Whoever
-- commits the last child finds none; the sweep asks again. Nobody counts, so there is no hot row.
-- What stands behind `not exists` is of no row of `p`, so it is asked once and first: nothing is counted while a child is left.
--
-- The commit does not wait for the disk: what is lost with the server is found out again.
with lazily as materialized (
    select set_config('synchronous_commit', 'off', true)
)
update runs p
set state = case when children.failed > 0 then 'dead' when children.cancelled > 0 then 'cancelled' else 'succeeded' end,
    finished_at = clock_timestamp(),
    error_code = case when children.failed > 0 then $2 end,
    error = case
        when children.failed > 0
            then format('%s of %s child runs did not succeed', children.failed + children.cancelled, children.total)
        when children.cancelled > 0
            then format('%s of %s child runs were cancelled', children.cancelled, children.total) end,
    result = jsonb_build_object('children', children.total, 'children_failed', children.failed,
        'children_cancelled', children.cancelled) || coalesce(credits.summary, '{}')
from lazily cross join (
    select count(*) as total, count(*) filter (where state = 'dead') as failed,
        count(*) filter (where state = 'cancelled') as cancelled
    from runs where parent_id = $1
) as children
cross join (
    select jsonb_build_object(
        'members', sum(members), 'affected', sum(affected), 'affected_minor', sum(affected_minor),
        'currency', max(currency), 'already_done', sum(already_done),
        'exempt', sum(exempt), 'failed', sum(failed)) as summary
    from batches where parent_run_id = $1 having count(*) > 0
    union all
    select null where not exists (select from batches where parent_run_id = $1)
) as credits
where p.id = $1
    and p.state = 'waiting'
    -- The row as it was when its children were looked at: whoever sets one of them going again writes it anew.
    and p.xmin = (select seen.xmin from runs seen where seen.id = $1)
    and not exists (select from runs c where c.parent_id = $1 and c.finished_at is null)
    and not exists (select from batches b where b.parent_run_id = $1 and b.state = 'planned')
returning p.parent_id as "parent_id: RunId"
