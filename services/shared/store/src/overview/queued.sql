-- Runs that wait to be worked on while nothing holds them back, by task. Only what has not ended is read (runs_unfinished).
select r.task as "task!", count(*) as "runs!",
    -- One that is tried again has not waited since it was made.
    min(greatest(r.created_at, r.scheduled_for, (select max(o.let_go_at) from outbox o where o.run_id = r.id)))
        filter (where r.attempt = 0) as "since?"
from runs r
where r.finished_at is null and r.state = 'queued'
    and not exists (select from outbox o where o.run_id = r.id and o.held_by is not null)
group by r.task
order by r.task
