-- Takes deliveries that are due, some of each endpoint, and sees to it that somebody looks again when the lease ends.
-- $1 tenant  $2 most of one endpoint  $3 lease in seconds
with candidates as (
    select d.id from endpoints e
    cross join lateral (
        select id from deliveries d
        where d.tenant_id = $1 and d.endpoint_id = e.id and d.state = 'pending' and d.due_at <= now()
            and (d.leased_until is null or d.leased_until < now())
        order by d.due_at, d.id
        limit $2
        for update skip locked
    ) as d
    where e.tenant_id = $1 and e.state = 'active'
), taken as (
    update deliveries d set leased_until = now() + make_interval(secs => $3), tries = d.tries + 1, sends = d.sends + 1,
        tried_at = clock_timestamp()
    from candidates c
    where d.tenant_id = $1 and d.id = c.id
    returning d.*
), woken as (
    insert into delivery_wakes (tenant_id, due_at)
    select $1, now() + make_interval(secs => $3) from taken limit 1
)
select t.id as "id!", t.endpoint_id as "endpoint_id!", e.url, t.event as "event!", t.happened_at as "happened_at!",
    t.data as "data!", t.tries as "tries!", e.failing_since,
    e.failures
from taken t
join endpoints e on e.tenant_id = $1 and e.id = t.endpoint_id
order by t.due_at, t.id
