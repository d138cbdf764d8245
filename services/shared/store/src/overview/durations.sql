-- How long the latest runs of each task took that have succeeded, from their first attempt to their end.
-- $1 tasks  $2 runs of each
select t.task as "task!", count(r.took) as "runs!", percentile_cont(0.5) within group (order by r.took) as "half",
    percentile_cont(0.99) within group (order by r.took) as "nearly_all"
from unnest($1::text[]) as t (task)
left join lateral (
    select extract(epoch from finished_at - started_at)::float8 as took
    from runs
    where task = t.task and state = 'succeeded' and started_at is not null
    order by id desc limit $2
) as r on true
group by t.task
