-- A shop's settings; one without a row has the defaults, which are those of the table.
select coalesce(s.enabled, true) as "enabled!",
    coalesce(s.run_cap_nano, 2000000000) as "run_cap_nano!",
    coalesce(s.day_cap_nano, 5000000000) as "day_cap_nano!",
    coalesce(s.month_cap_nano, 40000000000) as "month_cap_nano!",
    l.day_cap_nano as "all_day_cap_nano!",
    coalesce(s.credit_minor_max, 2000) as "credit_minor_max!",
    coalesce(s.campaign_cost_minor_max, 100000) as "campaign_cost_minor_max!",
    coalesce(s.offline_approvals, false) as "offline_approvals!",
    s.changed_by as "changed_by?", s.changed_at as "changed_at?"
from agent_limits l left join agent_settings s on s.tenant_id = $1
