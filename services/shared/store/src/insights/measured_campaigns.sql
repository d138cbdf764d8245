-- Campaigns measured by an instant, the newest first, whose arms are large enough to be told of.
-- $1 tenant  $2 by then  $3 fewest members of an arm
select left(c.id::text, 8) as "campaign!", c.kind, c.segment, c.currency, c.spent_minor, c.horizon_days,
    t.members as "treated!", t.ordering_members as "treated_ordering!", t.orders as "treated_orders!",
    t.revenue_minor as "treated_revenue_minor!", h.members as "held_out!", h.ordering_members as "held_out_ordering!",
    h.orders as "held_out_orders!", h.revenue_minor as "held_out_revenue_minor!"
from campaigns c
join campaign_results t on t.tenant_id = $1 and t.campaign_id = c.id and t.arm = 'treated' and t.members >= $3
join campaign_results h on h.tenant_id = $1 and h.campaign_id = c.id and h.arm = 'held_out' and h.members >= $3
where c.tenant_id = $1 and c.measured_at <= $2
order by c.measured_at desc, c.id
