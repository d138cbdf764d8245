-- The budget of all shops, if nearly nothing of it is left, and those of active shops, the fullest first of each kind: of this
-- day and month, with a limit of their own and with that of all. Each is read off the end of an index.
-- $1 percent from which on  $2 most of a kind  $3 tenant, or null for all
with today as (
    select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD') as day
), spans as (
    select 'day' as span, today.day as period, l.shop_day_cap_nano as cap_nano from today, agent_limits l
    union all
    select 'month', left(today.day, 7), l.shop_month_cap_nano from today, agent_limits l
)
select null as tenant_handle, today.day as "period!", d.spent_nano + d.reserved_nano as "used_nano!",
    l.day_cap_nano as "cap_nano!"
from today join model_spend_days d on d.day = today.day::date, agent_limits l
where (d.spent_nano + d.reserved_nano)::numeric * 100 >= l.day_cap_nano::numeric * $1::integer
union all
select found.handle, spans.period, found.used_nano, found.cap_nano
from spans
cross join lateral (
    (select t.handle, p.used_nano, spans.cap_nano
     from model_purses p join tenants t on t.id = p.tenant_id and t.state = 'active'
     where p.span = spans.span and p.period = spans.period and ($3::bigint is null or p.tenant_id = $3)
         and p.cap_nano is null and p.used_nano >= ceil(spans.cap_nano::numeric * $1::integer / 100)::bigint
     order by p.used_nano desc limit $2)
    union all
    (select t.handle, p.used_nano, p.cap_nano
     from model_purses p join tenants t on t.id = p.tenant_id and t.state = 'active'
     where p.span = spans.span and p.period = spans.period and ($3::bigint is null or p.tenant_id = $3)
         and p.cap_nano is not null and p.percent >= $1::integer
     order by p.percent desc limit $2)
) as found
