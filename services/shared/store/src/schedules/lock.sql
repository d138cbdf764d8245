select s.id, s.name, s.tenant_id as "tenant_id: TenantId",
    (select handle from tenants t where t.id = s.tenant_id) as "tenant_handle?",
    s.cron, s.zone, s.gap_policy, s.repeat_policy, s.missed_policy, s.overlap_policy,
    extract(epoch from s.missed_window)::float8 as "missed_window_seconds!",
    extract(epoch from s.spread)::float8 as "spread_seconds!",
    -- A tenant that is not active is as good as paused.
    s.paused_at is not null or exists (select from tenants t where t.id = s.tenant_id and t.state <> 'active')
        as "is_paused!", s.next_fire_at
from schedules s
where s.id = $1
for update skip locked
