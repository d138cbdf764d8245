-- Fan-in: ends waiting runs of which no unfinished child and no planned batch is left. Whoever
-- commits the last child finds none; the sweep asks again. Nobody counts, so there is no hot row.
--
-- The commit does not wait for the disk: what is lost with the server is found out again.
-- $1 runs  $2 error code of those whose children failed
with lazily as materialized (
    select set_config('synchronous_commit', 'off', true)
), ready as materialized (
    select p.id, p.xmin as seen
    from runs p
    where p.id = any((select $1::uuid[])::uuid[]) and p.state = 'waiting'
        -- Run by run: `not exists` would be a join, for which all that are unfinished may be read. Nothing is counted while a
        -- child is left.
        and (select true from runs c where c.parent_id = p.id and c.finished_at is null limit 1) is null
        and (select true from batches b where b.parent_run_id = p.id and b.state = 'planned' limit 1) is null
), held as materialized (
    -- The rows as they were when their children were looked at: whoever sets one of them going again writes it anew.
    select p.id
    from runs p join ready on ready.id = p.id
    where p.id = any((select $1::uuid[])::uuid[]) and p.xmin = ready.seen
    -- In one order, since others end some of the same.
    order by p.id
    for no key update of p
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
from lazily cross join held
cross join lateral (
    select count(*) as total, count(*) filter (where state = 'dead') as failed,
        count(*) filter (where state = 'cancelled') as cancelled
    from runs where parent_id = held.id
) as children
cross join lateral (
    select case when count(*) > 0 then jsonb_build_object(
        'members', sum(members), 'affected', sum(affected), 'affected_minor', sum(affected_minor),
        'currency', max(currency), 'already_done', sum(already_done),
        'exempt', sum(exempt), 'failed', sum(failed)) end as summary
    from batches where parent_run_id = held.id
) as credits
where p.id = any((select $1::uuid[])::uuid[]) and p.id = held.id
returning p.parent_id as "parent_id: RunId"
