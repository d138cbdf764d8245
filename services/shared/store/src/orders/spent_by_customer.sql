-- What a customer has spent, by all that is known: cancelled, disputed and test orders count nothing.
-- $1 tenant  $2 customer
select coalesce(sum(greatest(o.base_minor - coalesce(back.eligible_minor, 0), 0)), 0)::bigint as "spend_minor!"
from orders o
join tenants t on t.id = o.tenant_id and t.currency = o.currency
left join lateral (
    -- Clamped, so that absurd refunds can't leave the range of the sum.
    select sum(least(r.eligible_minor, 1000000000000)) as eligible_minor
    from order_refunds r
    where r.tenant_id = $1 and r.order_external_id = o.external_id
) as back on true
where o.tenant_id = $1 and o.member_external_id = $2 and not o.test and o.cancelled_at is null
    and (o.disputed_at is null or o.dispute_won_at is not null)
