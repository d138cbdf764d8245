-- Whose an order is that is not frozen yet, with the tier and its own rate as they were when it was paid.
-- $1 tenant  $2 order  $3 currency of the tenant's ledger
select m.id as member_id, r.tier_id as "tier_id?", r.tier_handle as "tier_handle?", r.rate_bps as "rate_bps?"
from orders o
join members m on m.tenant_id = $1 and m.external_id = o.member_external_id
left join lateral (
    select ms.tier_id, tiers.handle as tier_handle, tr.rate_bps
    -- The customer's own tier as of then; if it had become a part of another member by then, the other's.
    from tiers_held ms
    join tiers on tiers.tenant_id = $1 and tiers.id = ms.tier_id
    left join tier_rates tr on tr.tenant_id = $1 and tr.tier_id = ms.tier_id
        and tr.valid_from <= o.paid_at and (tr.valid_to is null or tr.valid_to > o.paid_at)
    where ms.tenant_id = $1 and ms.member_id in (m.id, m.merged_into) and ms.status = 'active'
        and ms.valid_from <= o.paid_at and (ms.valid_to is null or ms.valid_to > o.paid_at)
    order by ms.member_id = m.id desc
    limit 1
) as r on true
where o.tenant_id = $1 and o.external_id = $2 and o.rate_bps is null and o.base_minor is not null
    and o.currency = $3
