select count(*) over () as "violations!", format('batch %s of run %s', b.seq, b.parent_run_id) as "subject!",
    format('reports %s warned and %s failed, there are mails to %s and %s failures', b.affected, b.failed,
        coalesce(mails.members, 0), coalesce(failures.members, 0)) as "detail!"
from batches b
join batch_plans p on p.parent_run_id = b.parent_run_id and p.task = 'expiration-warning-batch'
left join (
    select run_id, count(*) as members from member_failures where tenant_id = $1 group by run_id
) as failures on failures.run_id = b.run_id
left join (
    select run_id, count(distinct member_id) as members from shadow_effects where tenant_id = $1 and kind = 'warning'
    group by run_id
    union all
    select d.run_id, count(distinct d.member_id) as members
    from digests d
    left join member_failures f on f.tenant_id = d.tenant_id and f.run_id = d.run_id and f.member_id = d.member_id
    where d.tenant_id = $1 and d.state <> 'dropped' and f.member_id is null
    group by d.run_id
) as mails on mails.run_id = b.run_id
where b.tenant_id = $1 and b.state = 'done'
    and (b.affected <> coalesce(mails.members, 0) or b.failed <> coalesce(failures.members, 0)
        or b.affected_minor <> 0)
order by b.parent_run_id, b.seq
limit $2
