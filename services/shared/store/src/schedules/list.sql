select s.name, t.handle as "tenant_handle?", s.task, s.cron, s.zone, s.gap_policy, s.repeat_policy,
    s.missed_policy, s.overlap_policy,
    extract(epoch from s.missed_window)::float8 as "missed_window_seconds!",
    extract(epoch from s.spread)::float8 as "spread_seconds!",
    s.paused_by, s.paused_because, s.next_fire_at,
    coalesce(greatest(extract(epoch from now() - s.next_fire_at), 0), 0)::float8 as "overdue_seconds!"
from schedules s left join tenants t on t.id = s.tenant_id
order by s.name, s.tenant_id nulls first
