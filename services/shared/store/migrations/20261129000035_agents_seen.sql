-- What models cost all shops, as it is shown. Row security stays as it is: each shop is asked for its own.
create function model_spend_of_shops(of_tenant text, in_months integer)
    returns table (tenant_handle text, month text, model text, turns bigint, input_tokens bigint,
        cache_write_tokens bigint, cache_read_tokens bigint, output_tokens bigint, cost_nano bigint, unknown bigint,
        unknown_nano bigint)
    language plpgsql as $$
#variable_conflict use_column
declare
    tenant record;
    before text := current_setting('app.tenant_id', true);
    since timestamp := date_trunc('month', clock_timestamp() at time zone 'UTC')
        - make_interval(months => in_months - 1);
begin
    for tenant in select t.id, t.handle from tenants t where of_tenant is null or t.handle = of_tenant loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        continue when not exists (select from agent_runs r where r.tenant_id = tenant.id);
        return query
            with turned as (
                select to_char(t.answered_at at time zone 'UTC', 'YYYY-MM') as month, t.model, count(*) as turns,
                    sum(t.input_tokens)::bigint as input_tokens,
                    sum(t.cache_write_tokens)::bigint as cache_write_tokens,
                    sum(t.cache_read_tokens)::bigint as cache_read_tokens,
                    sum(t.output_tokens)::bigint as output_tokens, sum(t.cost_nano)::bigint as cost_nano
                from agent_turns t
                where t.tenant_id = tenant.id and t.answered_at at time zone 'UTC' >= since
                group by 1, 2
            ), lost as (
                select to_char(a.day, 'YYYY-MM') as month, a.model, count(*) as unknown,
                    sum(a.reserved_nano)::bigint as unknown_nano
                from model_attempts a
                where a.tenant_id = tenant.id and a.state = 'unknown' and a.day >= since
                group by 1, 2
            )
            select tenant.handle, coalesce(turned.month, lost.month), coalesce(turned.model, lost.model),
                coalesce(turned.turns, 0), coalesce(turned.input_tokens, 0), coalesce(turned.cache_write_tokens, 0),
                coalesce(turned.cache_read_tokens, 0), coalesce(turned.output_tokens, 0),
                coalesce(turned.cost_nano, 0), coalesce(lost.unknown, 0), coalesce(lost.unknown_nano, 0)
            from turned full join lost on lost.month = turned.month and lost.model = turned.model;
    end loop;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
end
$$;
grant execute on function model_spend_of_shops to tradeup_app;

-- Shops whose agents have used nearly all of what they may in this day or month, of UTC.
create function model_budgets_of_shops(at_least_percent integer)
    returns table (tenant_handle text, period text, used_nano bigint, cap_nano bigint)
    language plpgsql as $$
#variable_conflict use_column
declare
    tenant record;
    before text := current_setting('app.tenant_id', true);
    today text := to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD');
begin
    -- Nothing was spent for anybody: no shop has to be asked.
    if not exists (select from model_spend_days d where d.spent_nano + d.reserved_nano > 0
            and d.day >= date_trunc('month', clock_timestamp() at time zone 'UTC')::date) then
        return;
    end if;
    for tenant in select t.id, t.handle from tenants t where t.state = 'active' order by t.id limit 10000 loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        return query
            select tenant.handle, s.period, s.spent_nano + s.reserved_nano, caps.cap
            from model_spend s
            cross join agent_limits every
            left join agent_settings own on own.tenant_id = s.tenant_id
            cross join lateral (select case when length(s.period) = 7 then coalesce(own.month_cap_nano, every.shop_month_cap_nano)
                else coalesce(own.day_cap_nano, every.shop_day_cap_nano) end as cap) caps
            where s.tenant_id = tenant.id and s.period in (today, left(today, 7))
                and (s.spent_nano + s.reserved_nano)::numeric * 100 >= caps.cap::numeric * at_least_percent;
    end loop;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
end
$$;
grant execute on function model_budgets_of_shops to tradeup_app;
