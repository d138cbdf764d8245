select count(*) as "batches!",
    count(*) filter (where b.state = 'done') as "batches_done!",
    count(*) filter (where b.state = 'dead') as "batches_dead!",
    coalesce(sum(b.members), 0) as "members!",
    coalesce(sum(b.members) filter (where b.state in ('done', 'dead')), 0) as "members_done!",
    coalesce(sum(b.affected), 0) as "affected!",
    coalesce(sum(b.already_done), 0) as "already_done!",
    coalesce(sum(b.exempt), 0) as "exempt!",
    coalesce(sum(b.failed), 0) as "failed!"
from batches b
where b.run_id = $1 or b.parent_run_id = $1 or b.parent_run_id in (select id from runs where parent_id = $1)
