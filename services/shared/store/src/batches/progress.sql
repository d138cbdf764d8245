select count(*) as "batches!",
    count(*) filter (where b.state = 'done') as "batches_done!",
    count(*) filter (where b.state = 'dead') as "batches_dead!",
    coalesce(sum(b.members), 0) as "members!",
    coalesce(sum(b.members) filter (where b.state in ('done', 'dead')), 0) as "members_done!",
    coalesce(sum(b.affected), 0) as "affected!",
    coalesce(sum(b.already_done), 0) as "already_done!",
    coalesce(sum(b.exempt), 0) as "exempt!",
    coalesce(sum(b.failed), 0) as "failed!"
from (
    -- Apart, and by an array, since `or` would read all batches there are.
    select * from batches where parent_run_id = any (array(select $1::uuid union all select id from runs where parent_id = $1))
    union all
    select * from batches where run_id = $1
        and parent_run_id <> all (array(select $1::uuid union all select id from runs where parent_id = $1))
) as b
