-- What differs whenever what there is to see of these runs does.
-- $1 runs
select r.id as "id!: RunId", concat_ws(' ', r.state, r.attempt, r.next_attempt_at,
    (select string_agg(c.state || c.count, ',' order by c.state) from (
        select state, count(*) from runs where parent_id = r.id group by state) as c),
    (select count(*) filter (where b.state in ('done', 'dead')) from batches b
        -- An array, since `or` would read all batches there are.
        where b.parent_run_id = any (array(select r.id union all select id from runs where parent_id = r.id))),
    (select count(*) from run_logs l where l.run_id = r.id)) as "now!"
from runs r
where r.id = any ($1)
