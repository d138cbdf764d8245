-- Orders that were never told in this version or a later one.
-- $1 tenant  $2 ids  $3 versions
select asked.id as "id!"
from unnest($2::text[], $3::timestamptz[]) as asked (id, version_at)
left join orders o on o.tenant_id = $1 and o.external_id = asked.id
where (o.version_at >= asked.version_at) is not true
    -- One that is not paid yet is told of, and leaves no order.
    and not exists (
        select from events e
        where e.tenant_id = $1 and e.resource = asked.id and e.source = 'shopify' and e.topic like 'orders/%'
            -- Of which nothing is told but that it was.
            and e.topic <> 'orders/edited'
            and e.occurred_at >= asked.version_at)
