select count(*) over () as "violations!", format('batch %s of run %s', b.seq, b.parent_run_id) as "subject!",
    format('reports %s told or moved, there are %s notices and decisions', b.affected, coalesce(done.members, 0))
        as "detail!"
from batches b
join batch_plans p on p.parent_run_id = b.parent_run_id and p.task = 'tier-review-batch'
left join (
    select run_id, count(*) as members
    from (
        select run_id from tier_decisions where tenant_id = $1
        union all
        select run_id from tier_notices where tenant_id = $1
    ) as effects
    group by run_id
) as done on done.run_id = b.run_id
where b.tenant_id = $1 and b.state = 'done'
    and (b.affected <> coalesce(done.members, 0) or b.affected_minor <> 0)
order by b.parent_run_id, b.seq
limit $2
