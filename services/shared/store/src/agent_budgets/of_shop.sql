select coalesce(sum(spent_nano + reserved_nano) filter (where length(period) = 10), 0)::bigint as "day_nano!",
    coalesce(sum(spent_nano + reserved_nano) filter (where length(period) = 7), 0)::bigint as "month_nano!"
from model_spend
where tenant_id = $1 and period in (
    to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM'),
    to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD'))
