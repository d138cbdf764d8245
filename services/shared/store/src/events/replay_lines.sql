-- What came of a replay's runs, by task, state and outcome.
-- $1 the run that it began with
with told as (
    select r.task, r.state, r.result ->> 'outcome' as outcome, r.result from runs r
    -- As the index of roots says it.
    where r.root_id = $1 and r.root_id <> r.id and r.task <> 'replay-events'
)
select task as "task!", state as "state!", outcome, count(*) as "runs!",
    coalesce(sum((result ->> 'granted_minor')::bigint), 0)::bigint
        + coalesce(sum((result -> 'enrolment' ->> 'welcome_minor')::bigint), 0)::bigint as "granted_minor!",
    coalesce(sum((result ->> 'clawed_minor')::bigint), 0)::bigint
        + coalesce(sum((result -> 'memberships' ->> 'taken_minor')::bigint), 0)::bigint as "clawed_minor!",
    coalesce(sum((result ->> 'owed_minor')::bigint), 0)::bigint as "owed_minor!",
    count(*) filter (where result -> 'enrolment' ->> 'outcome' = 'enrolled'
        or (result -> 'memberships' ->> 'enrolled')::boolean) as "enrolled!",
    count(*) filter (where result ? 'tier' and result -> 'tier' ->> 'raised' is not null
        or result -> 'memberships' ->> 'outcome' in ('began', 'extended', 'ended')) as "tiers!"
from told
group by task, state, outcome
order by task, state, outcome
