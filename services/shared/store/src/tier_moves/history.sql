-- A member's times in tiers with what decided them, and what rules have taken away altogether; oldest first.
-- $1 tenant  $2 member
select tiers.handle as "tier?", ms.status as "status?", ms.source as "source?",
    coalesce(ms.pinned, false) as "pinned!", under.handle as "under?",
    greatest(coalesce(ms.valid_from, d.decided_at), '0001-01-01') as "valid_from!", ms.valid_to as "valid_to?", ms.until_at as "until_at?",
    d.kind as "kind?", d.spend_minor as "spend_minor?", d.threshold_minor as "threshold_minor?",
    d.currency as "currency?", d.time_window as "time_window?", d.order_external_id as "order?",
    d.review_on as "review_on?", d.run_id as "run_id?: RunId"
from (select * from memberships where tenant_id = $1 and member_id = $2) as ms
full join (select * from tier_decisions where tenant_id = $1 and member_id = $2) as d
    on d.decided_at = ms.valid_from
left join tiers on tiers.tenant_id = $1 and tiers.id = ms.tier_id
left join tiers under on under.tenant_id = $1 and under.id = ms.under_tier_id
order by coalesce(ms.valid_from, d.decided_at)
