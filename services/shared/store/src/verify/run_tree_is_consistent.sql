select count(*) over () as "violations!", subject as "subject!", detail as "detail!"
from (
    select 'run ' || c.id as subject, format('is %s, but its parent %s has succeeded', c.state, c.parent_id) as detail
    from runs c join runs p on p.id = c.parent_id
    where c.tenant_id = $1 and p.state = 'succeeded' and c.state <> 'succeeded'
    union all
    select format('batch %s of run %s', b.seq, b.parent_run_id), format('is %s, its run is %s', b.state,
        coalesce(r.state, 'unknown'))
    from batches b left join runs r on r.id = b.run_id
    where b.tenant_id = $1
        and ((b.state = 'done') <> (coalesce(r.state, '') = 'succeeded')
            or (b.state = 'dead') <> (coalesce(r.state, '') = 'dead')
            or (b.state = 'cancelled' and coalesce(r.state, 'cancelled') <> 'cancelled')
            or (b.state = 'released' and coalesce(r.finished_at is not null, true)))
    union all
    select format('batch %s of run %s', b.seq, b.parent_run_id), format('is %s, but the run has succeeded', b.state)
    from batches b join runs p on p.id = b.parent_run_id
    where b.tenant_id = $1 and p.state = 'succeeded' and b.state <> 'done'
    union all
    select 'run ' || a.run_id, format('attempt %s is open, but the run is %s', a.attempt, r.state)
    from attempts a join runs r on r.id = a.run_id
    where r.tenant_id = $1 and a.outcome is null and r.state <> 'running'
) as broken
order by subject
limit $2
