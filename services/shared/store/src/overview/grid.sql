-- What became of fires, for each tenant that was there by then: its run below the fire's, or none.
-- $1 days  $2 tenant
with fires as (
    select s.name, s.tenant_id, d.fire_at, d.decision, d.run_id
    from fire_decisions d join schedules s on s.id = d.schedule_id
    where d.fire_at > date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - make_interval(days => $1 - 1)
)
select t.handle as "tenant_handle!", (f.fire_at at time zone 'UTC')::date as "day!", f.name as "schedule!",
    f.fire_at as "fire_at!", f.decision as "decision!", r.id as "run_id?: RunId", r.state as "state?"
from fires f
-- One of the tenant's own stands for that tenant alone.
join tenants t on (f.tenant_id is null or f.tenant_id = t.id) and t.created_at < f.fire_at
    and ($2::bigint is null or t.id = $2)
left join runs r on r.tenant_id = t.id
    and (r.id = f.run_id or r.parent_id = f.run_id)
where t.state <> 'uninstalled' or r.id is not null
order by t.handle, f.fire_at, f.name
