-- What is known of an order, which is locked.
-- $1 tenant  $2 order
select o.currency, o.base_minor, o.paid_at, o.needs_fulfilment, o.fulfilled_at, o.cancelled_at, o.disputed_at,
    o.dispute_won_at, o.test,
    -- Whoever has become a part of another member is that one.
    (select coalesce(m.merged_into, m.id) from members m where m.tenant_id = $1 and m.id = o.member_id) as "member_id",
    o.rate_bps, o.posted_minor, o.forgone_minor, o.lots,
    (select count(*)::int from order_settlements s where s.tenant_id = $1 and s.order_external_id = $2) as "settlements!",
    coalesce((
        -- Clamped, so that absurd refunds can't leave the range of the sum.
        select sum(least(r.eligible_minor, 1000000000000)) from order_refunds r
        where r.tenant_id = $1 and r.order_external_id = $2
    ), 0)::bigint as "refunded_minor!"
from orders o
where o.tenant_id = $1 and o.external_id = $2
