-- A shop's endpoints with what waits for them.
-- $1 tenant
select e.id, e.url, e.events, e.state, e.disabled_because, e.failing_since, e.created_at,
    count(d.id) filter (where d.state = 'pending') as "pending!",
    count(d.id) filter (where d.state = 'failed') as "failed!",
    count(d.id) filter (where d.state = 'delivered' and d.ended_at > now() - interval '1 day') as "delivered_today!"
from endpoints e
left join deliveries d on d.tenant_id = e.tenant_id and d.endpoint_id = e.id
where e.tenant_id = $1 and e.state <> 'removed'
group by e.tenant_id, e.id
order by e.created_at, e.id
