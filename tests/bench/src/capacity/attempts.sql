-- A month by its rows: seconds from the trigger to the end, of the attempt that made the shops' runs, of those that planned
-- a shop, and of those that executed a batch; and how many batches there were.
-- $1 root run
select extract(epoch from root.finished_at - root.created_at)::float8,
    coalesce(avg(attempted.took) filter (where attempted.task = 'monthly-credits'), 0)::float8,
    coalesce(avg(attempted.took) filter (where attempted.task = 'monthly-credits-tenant'), 0)::float8,
    coalesce(avg(attempted.took) filter (where attempted.task = 'monthly-credits-batch'), 0)::float8,
    coalesce(stddev_samp(attempted.took) filter (where attempted.task = 'monthly-credits-batch'), 0)::float8,
    count(*) filter (where attempted.task = 'monthly-credits-batch')
from runs root
cross join lateral (
    select r.task, extract(epoch from a.finished_at - a.started_at) as took
    from runs r join attempts_made a on a.run_id = r.id
    where r.root_id = root.id
) as attempted
where root.id = $1::uuid
group by root.finished_at, root.created_at
