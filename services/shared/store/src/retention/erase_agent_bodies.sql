-- Erases what agents were told and answered, and by what names, in runs that began that long ago. A run that has not
-- ended until now can't go on without: it has failed, and whoever holds it is refused.
-- $1 tenant  $2 days  $3 runs
with old as (
    select run_id from agent_runs
    where tenant_id = $1 and erased_at is null and began_at < now() - make_interval(days => $2)
    order by began_at
    limit $3
    for update
), erased as (
    update agent_runs r
    set erased_at = clock_timestamp(), epoch = r.epoch + (r.state = 'running')::integer,
        outcome = case r.state when 'running' then 'what it had written down was erased' else r.outcome end,
        ended_at = coalesce(r.ended_at, clock_timestamp()),
        state = case r.state when 'running' then 'failed' else r.state end
    from old where r.tenant_id = $1 and r.run_id = old.run_id
    returning 1
), unanswered as (
    update agent_turns t set content = null from old
    where t.tenant_id = $1 and t.run_id = old.run_id and t.content is not null
), uncalled as (
    update tool_calls c set input = null, content = null from old
    where c.tenant_id = $1 and c.run_id = old.run_id and (c.input is not null or c.content is not null)
), untold as (
    update agent_notes n set content = '' from old
    where n.tenant_id = $1 and n.run_id = old.run_id and n.content <> ''
), unnamed as (
    delete from agent_aliases a using old where a.tenant_id = $1 and a.run_id = old.run_id
)
select count(*) as "runs!" from erased
