-- A queued run goes when no other run of its schedule is under way.
update outbox o
set held_by = null, held_because = null, next_publish_at = now()
from fire_decisions d
where o.held_by = 'overlap' and d.run_id = o.run_id
    -- The few once more, so that no plan goes through all decisions there are.
    and d.run_id = any (array(select run_id from outbox where held_by = 'overlap'))
    and not exists (
        select from fire_decisions e join runs r on r.id = e.run_id
        where e.schedule_id = d.schedule_id and e.fire_at < d.fire_at and r.finished_at is null)
