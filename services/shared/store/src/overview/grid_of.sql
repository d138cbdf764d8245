-- What became of fires for some of many shops, as grid.sql says it. Each shop's runs of these days are read, not each
-- fire's: those may be a hundred thousand. Ids are in the order of time; an hour is left for clocks that differ.
-- $1 days  $2 handles
with since as (
    select date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - make_interval(days => $1 - 1) as first
), fires as (
    select s.name, s.tenant_id, d.fire_at, d.decision, d.run_id
    from since, fire_decisions d join schedules s on s.id = d.schedule_id
    where d.fire_at > since.first
), shops as (
    select id, handle, state, created_at from tenants where handle = any ($2)
), below as materialized (
    select r.id, r.tenant_id, r.state, coalesce(r.parent_id, r.id) as fire
    from since, shops t join runs r on r.tenant_id = t.id
    where r.id >= (lpad(to_hex((extract(epoch from since.first) * 1000)::bigint - 3600000), 12, '0')
        || '00000000000000000000')::uuid
)
select t.handle as "tenant_handle!", (f.fire_at at time zone 'UTC')::date as "day!", f.name as "schedule!",
    f.fire_at as "fire_at!", f.decision as "decision!", r.id as "run_id?: RunId", r.state as "state?"
from fires f
join shops t on (f.tenant_id is null or f.tenant_id = t.id) and t.created_at < f.fire_at
left join below r on r.tenant_id = t.id and r.fire = f.run_id
where t.state = 'active' or r.id is not null
order by t.handle, f.fire_at, f.name
