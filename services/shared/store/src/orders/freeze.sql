-- Freezes an order's member, tier and rate, as they were when it was paid: once the order and its member
-- are known. A member without a tier, or of a tier without a rate, earns nothing.
-- $1 tenant  $2 order  $3 currency of the tenant's ledger
update orders o
set member_id = m.id, tier_id = r.tier_id, rate_bps = coalesce(r.rate_bps, 0)
from members m
left join lateral (
    select ms.tier_id, tr.rate_bps
    from orders p
    -- The customer's own tier as of then; if it had become a part of another member by then, the other's.
    join memberships ms on ms.tenant_id = $1 and ms.member_id in (m.id, m.merged_into) and ms.status = 'active'
        and ms.valid_from <= p.paid_at and (ms.valid_to is null or ms.valid_to > p.paid_at)
    left join tier_rates tr on tr.tenant_id = $1 and tr.tier_id = ms.tier_id
        and tr.valid_from <= p.paid_at and (tr.valid_to is null or tr.valid_to > p.paid_at)
    where p.tenant_id = $1 and p.external_id = $2
    order by ms.member_id = m.id desc
    limit 1
) as r on true
where o.tenant_id = $1 and o.external_id = $2 and o.rate_bps is null and o.base_minor is not null
    and o.currency = $3
    and m.tenant_id = $1 and m.external_id = o.member_external_id
