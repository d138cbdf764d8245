-- Who runs (a place belongs to a living attempt and to nobody else), and who waits. A statement of its
-- own, after the lock: its snapshot has to see what others did before they let the lock go.
-- $1 tenant  $2 task
with ended as (
    delete from limit_slots s using runs r
    where s.tenant_id = $1 and s.task = $2 and r.id = s.run_id
        and (r.state <> 'running' or r.attempt <> s.attempt or r.lease_expires_at < now())
    returning s.run_id
)
select
    (select count(*) from limit_slots s where s.tenant_id = $1 and s.task = $2
        and s.run_id not in (select run_id from ended)) as "running!",
    (select count(*) from outbox o join runs r on r.id = o.run_id
        where o.held_by = 'limit' and r.tenant_id = $1 and r.task = $2) as "waiting!"
