-- How long the latest runs of each task took that have succeeded, from their first attempt to their end.
-- $1 tasks  $2 runs of each
select t.task as "task!", count(r.took) as "runs!", percentile_cont(0.5) within group (order by r.took) as "half",
    percentile_cont(0.99) within group (order by r.took) as "nearly_all"
from unnest($1::text[]) as t (task)
left join lateral (
    select extract(epoch from finished_at - started_at)::float8 as took
    from runs
    -- In these words the index of tasks is the only one that gives the order. By "=" a task that has hardly run is
    -- looked for among all runs, from the newest on.
    where task >= t.task and task <= t.task and state = 'succeeded' and started_at is not null
    order by task desc, id desc limit $2
) as r on true
group by t.task
