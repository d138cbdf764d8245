-- Unfinished runs that do not go on, by what is wrong with them.
-- $1 seconds after which the engine would have seen to it  $2 seconds that a run may be queued without a message
with stuck as (
    select 'lease_over' as what, r.id, r.lease_expires_at as since
    from runs r
    where r.finished_at is null and r.state = 'running'
        and r.lease_expires_at < now() - make_interval(secs => $1)
    union all
    select 'attempt_overdue', r.id, r.next_attempt_at
    from runs r
    where r.finished_at is null and r.next_attempt_at < now() - make_interval(secs => $1)
        and not exists (select from outbox o where o.run_id = r.id and o.held_by is not null)
    union all
    select 'queued_without_message', r.id, r.created_at
    from runs r
    where r.finished_at is null and r.state = 'queued' and r.created_at < now() - make_interval(secs => $2)
        and not exists (select from outbox o where o.run_id = r.id)
    union all
    select 'waiting_for_nothing', done.id, done.since
    from (
        select p.id, coalesce((select max(c.finished_at) from runs c where c.parent_id = p.id), p.started_at,
            p.created_at) as since
        from runs p
        where p.finished_at is null and p.state = 'waiting'
            and not exists (select from runs c where c.parent_id = p.id and c.finished_at is null)
            and not exists (select from batches b where b.parent_run_id = p.id and b.state = 'planned')
    ) as done
    where done.since < now() - make_interval(secs => $1)
    union all
    select 'below_ended', c.id, p.finished_at
    from runs c join runs p on p.id = c.parent_id
    where c.finished_at is null and p.finished_at < now() - make_interval(secs => $1)
)
select what as "what!", count(*) as "runs!",
    (array_agg(id order by since, id))[1] as "first!: RunId",
    extract(epoch from now() - min(since))::float8 as "seconds!"
from stuck
group by what
