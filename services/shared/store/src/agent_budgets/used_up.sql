-- The budget of all shops, if nearly nothing of it is left, and those of shops.
with today as (
    select (clock_timestamp() at time zone 'UTC')::date as day
)
select null as tenant_handle, today.day::text as "period!", d.spent_nano + d.reserved_nano as "used_nano!",
    l.day_cap_nano as "cap_nano!"
from today join model_spend_days d on d.day = today.day, agent_limits l
where (d.spent_nano + d.reserved_nano)::numeric * 100 >= l.day_cap_nano::numeric * $1::integer
union all
select tenant_handle, period, used_nano, cap_nano from model_budgets_of_shops($1)
