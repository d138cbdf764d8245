-- A shop's turns and lost answers by month and model; the months of UTC.
with since as (
    select date_trunc('month', clock_timestamp() at time zone 'UTC') - make_interval(months => $2 - 1) as first
), turns as (
    select to_char(t.answered_at at time zone 'UTC', 'YYYY-MM') as month, t.model, count(*) as turns,
        sum(t.input_tokens)::bigint as input_tokens, sum(t.cache_write_tokens)::bigint as cache_write_tokens,
        sum(t.cache_read_tokens)::bigint as cache_read_tokens, sum(t.output_tokens)::bigint as output_tokens,
        sum(t.cost_nano)::bigint as cost_nano
    from agent_turns t, since
    where t.tenant_id = $1 and t.answered_at at time zone 'UTC' >= since.first
    group by 1, 2
), lost as (
    select to_char(a.day, 'YYYY-MM') as month, a.model, count(*) as unknown,
        sum(a.reserved_nano)::bigint as unknown_nano
    from model_attempts a, since
    where a.tenant_id = $1 and a.state = 'unknown' and a.day >= since.first
    group by 1, 2
)
select coalesce(turns.month, lost.month) as "month!", coalesce(turns.model, lost.model) as "model!",
    coalesce(turns.turns, 0) as "turns!", coalesce(turns.input_tokens, 0) as "input_tokens!",
    coalesce(turns.cache_write_tokens, 0) as "cache_write_tokens!",
    coalesce(turns.cache_read_tokens, 0) as "cache_read_tokens!",
    coalesce(turns.output_tokens, 0) as "output_tokens!", coalesce(turns.cost_nano, 0) as "cost_nano!",
    coalesce(lost.unknown, 0) as "unknown!", coalesce(lost.unknown_nano, 0) as "unknown_nano!"
from turns full join lost on lost.month = turns.month and lost.model = turns.model
order by 1 desc, 2
