-- A shop's settings; one without a row has what the limits of all say.
select coalesce(s.enabled, true) as "enabled!",
    coalesce(s.run_cap_nano, l.shop_run_cap_nano) as "run_cap_nano!",
    coalesce(s.day_cap_nano, l.shop_day_cap_nano) as "day_cap_nano!",
    coalesce(s.month_cap_nano, l.shop_month_cap_nano) as "month_cap_nano!",
    l.day_cap_nano as "all_day_cap_nano!",
    coalesce(s.credit_minor_max, l.shop_credit_minor_max) as "credit_minor_max!",
    coalesce(s.campaign_cost_minor_max, l.shop_campaign_cost_minor_max) as "campaign_cost_minor_max!",
    coalesce(s.offline_approvals, false) as "offline_approvals!",
    s.changed_by as "changed_by?", s.changed_at as "changed_at?"
from agent_limits l left join agent_settings s on s.tenant_id = $1
