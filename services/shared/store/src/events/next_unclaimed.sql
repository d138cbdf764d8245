-- The oldest event whose shop a tenant has by now, or that has waited for too long.
-- $1 minutes
select u.id, u.subject, u.headers, u.body, u.stored_at,
    exists (select from tenants t where t.shop_domain = u.shop_domain) as "is_claimed!"
from unclaimed_events u
where u.received_at < now() - make_interval(mins => $1)
    or exists (select from tenants t where t.shop_domain = u.shop_domain)
order by u.id
limit 1
for update of u skip locked
