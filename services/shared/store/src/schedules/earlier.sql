select coalesce(bool_or(true), false) as "unfinished!",
    coalesce(bool_or(exists (select from outbox o where o.run_id = r.id and o.held_by = 'overlap')), false)
        as "queued!"
from fire_decisions d
join runs r on r.id = d.run_id
where d.schedule_id = $1 and d.run_id is not null and r.finished_at is null
