-- What became of fires of shops' own schedules, by day: as of_fire.sql says it.
-- $1 days  $2 shops that are named of a state
select (d.fire_at at time zone 'UTC')::date as "day!", d.decision as "decision!", r.state as "state?", count(*) as "shops!",
    coalesce((array_agg(distinct t.handle) filter (where r.state is distinct from 'succeeded'))[:$2], '{}') as "first!"
from fire_decisions d
join schedules s on s.id = d.schedule_id
join tenants t on t.id = s.tenant_id and t.created_at < d.fire_at
left join runs r on r.id = d.run_id
where d.fire_at > date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - make_interval(days => $1 - 1)
    and (t.state = 'active' or r.id is not null)
group by 1, 2, 3
