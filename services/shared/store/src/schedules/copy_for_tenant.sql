insert into schedules (name, tenant_id, task, cron, zone, gap_policy, repeat_policy, missed_policy,
    missed_window, overlap_policy, spread)
select name, $2, task, cron, zone, gap_policy, repeat_policy, missed_policy, missed_window, overlap_policy, spread
from schedules where name = $1 and tenant_id is null
on conflict (name, tenant_id) do nothing
