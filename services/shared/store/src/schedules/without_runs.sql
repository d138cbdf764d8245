-- $1 schedule  $2 tenant whose own it is  $3 since, or null  $4 at most
select s.name as schedule, t.handle as "tenant_handle?", d.fire_at, d.until, d.fires, d.decision,
    d.run_id as "run_id: RunId", d.decided_at
from fire_decisions d
join schedules s on s.id = d.schedule_id
left join tenants t on t.id = s.tenant_id
where s.name = $1 and s.tenant_id is not distinct from $2 and d.decision in ('missed', 'skipped', 'paused')
    and ($3::timestamptz is null or d.until >= $3)
order by d.fire_at desc
limit $4
