-- Fires that are every shop's, and whether something below them has not ended (runs_unfinished).
-- $1 days
select d.schedule_id as "schedule_id!", (d.fire_at at time zone 'UTC')::date as "day!", d.fire_at as "fire_at!",
    d.decision as "decision!", d.run_id as "run_id?: RunId",
    exists (select from runs r where r.finished_at is null and r.parent_id = d.run_id)
        or exists (select from runs r where r.id = d.run_id and r.finished_at is null) as "is_open!"
from fire_decisions d join schedules s on s.id = d.schedule_id
where s.tenant_id is null
    and d.fire_at > date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - make_interval(days => $1 - 1)
order by d.fire_at, d.schedule_id
