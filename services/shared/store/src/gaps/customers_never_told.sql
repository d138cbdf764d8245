-- Customers who were never told in this version or a later one. Of who is no member the events say so.
-- $1 tenant  $2 ids  $3 versions
select asked.id as "id!"
from unnest($2::text[], $3::timestamptz[]) as asked (id, version_at)
left join members m on m.tenant_id = $1 and m.external_id = asked.id
where (m.version_at >= asked.version_at) is not true and m.redacted_at is null
    and not exists (
        select from events e
        where e.tenant_id = $1 and e.customer = asked.id and e.source = 'shopify' and e.topic like 'customers/%'
            and e.occurred_at >= asked.version_at)
