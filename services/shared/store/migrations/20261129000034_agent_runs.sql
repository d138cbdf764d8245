-- Agents' runs (decision 0021): each turn's request, answer and tool results are rows before the next step, so that a
-- run that is resumed pays for no answer twice. What models cost is reserved before it is spent.

-- What all shops together may spend in a day, and what holds for a shop that has no settings: one row. Amounts ending in
-- _nano are billionths of a US dollar.
create table agent_limits (
    only_one boolean primary key default true check (only_one),
    day_cap_nano bigint not null default 200000000000 check (day_cap_nano >= 0),
    shop_run_cap_nano bigint not null default 2000000000 check (shop_run_cap_nano >= 0),
    shop_day_cap_nano bigint not null default 5000000000 check (shop_day_cap_nano >= 0),
    shop_month_cap_nano bigint not null default 40000000000 check (shop_month_cap_nano >= 0),
    -- In minor units of the shop's currency.
    shop_credit_minor_max bigint not null default 2000 check (shop_credit_minor_max between 0 and 1000000000000),
    shop_campaign_cost_minor_max bigint not null default 100000
        check (shop_campaign_cost_minor_max between 0 and 1000000000000)
);
insert into agent_limits default values;

-- How much agents may spend for a shop and how far their proposals may go, where somebody has said so.
create table agent_settings (
    tenant_id bigint primary key references tenants (id),
    enabled boolean not null,
    run_cap_nano bigint not null check (run_cap_nano >= 0),
    day_cap_nano bigint not null check (day_cap_nano >= 0),
    month_cap_nano bigint not null check (month_cap_nano >= 0),
    -- In minor units of the shop's currency.
    credit_minor_max bigint not null check (credit_minor_max between 0 and 1000000000000),
    campaign_cost_minor_max bigint not null check (campaign_cost_minor_max between 0 and 1000000000000),
    -- Whether what the offline script proposes may be approved.
    offline_approvals boolean not null,
    changed_by text not null check (changed_by <> ''),
    changed_at timestamptz not null default clock_timestamp()
);

-- What a shop's models cost in a day or month of UTC: spent, and reserved for calls under way.
create table model_spend (
    tenant_id bigint not null references tenants (id),
    period text not null check (period ~ '^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$'),
    spent_nano bigint not null default 0 check (spent_nano >= 0),
    reserved_nano bigint not null default 0 check (reserved_nano >= 0),
    primary key (tenant_id, period)
);
-- The same of all shops, by day. No tenant's data.
create table model_spend_days (
    day date primary key,
    spent_nano bigint not null default 0 check (spent_nano >= 0),
    reserved_nano bigint not null default 0 check (reserved_nano >= 0)
);

create table agent_runs (
    tenant_id bigint not null references tenants (id),
    run_id uuid not null,
    kind text not null check (kind <> ''),
    goal text not null,
    as_of timestamptz not null,
    -- Models, prompts and limits as they were when it began: a deployment changes nothing under way.
    bundle jsonb not null,
    state text not null default 'running' check (state in ('running', 'done', 'stopped', 'failed')),
    -- Raised by whoever works on it; what an older one writes is refused.
    epoch bigint not null default 0,
    worker text,
    facts integer not null default 0 check (facts >= 0),
    aliases integer not null default 0 check (aliases >= 0),
    -- In billionths of a US dollar. What was lost with its answer counts as spent, too.
    spent_nano bigint not null default 0 check (spent_nano >= 0),
    reserved_nano bigint not null default 0 check (reserved_nano >= 0),
    unknown_nano bigint not null default 0 check (unknown_nano between 0 and spent_nano),
    outcome text,
    began_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    -- Bodies are gone since.
    erased_at timestamptz,
    primary key (tenant_id, run_id),
    check ((ended_at is null) = (state = 'running'))
) with (fillfactor = 70);
create index agent_runs_began on agent_runs (tenant_id, began_at) where erased_at is null;

-- One request and its answer. Text as it came, since it goes back byte for byte.
create table agent_turns (
    tenant_id bigint not null,
    run_id uuid not null,
    agent text not null check (agent <> ''),
    seq integer not null check (seq > 0),
    content text,
    stop_reason text not null,
    model text not null,
    request_id text,
    input_tokens bigint not null,
    cache_write_tokens bigint not null,
    cache_read_tokens bigint not null,
    output_tokens bigint not null,
    cost_nano bigint not null check (cost_nano >= 0),
    answered_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, run_id, agent, seq),
    foreign key (tenant_id, run_id) references agent_runs (tenant_id, run_id)
);

-- Each try of a turn. `reserved`: nothing left yet; `sent`: under way; `rejected`: surely not billed; `unknown`: the
-- answer is lost and may be billed, so its reservation is spent.
create table model_attempts (
    tenant_id bigint not null,
    run_id uuid not null,
    agent text not null,
    seq integer not null,
    attempt integer not null check (attempt > 0),
    epoch bigint not null,
    state text not null default 'reserved' check (state in ('reserved', 'sent', 'answered', 'rejected', 'unknown')),
    model text not null,
    request_sha256 bytea not null check (length(request_sha256) = 32),
    request_bytes bigint not null,
    reserved_nano bigint not null check (reserved_nano >= 0),
    -- The day that the reservation counts for.
    day date not null,
    request_id text,
    error_code text,
    error text,
    reserved_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    ended_at timestamptz,
    primary key (tenant_id, run_id, agent, seq, attempt),
    foreign key (tenant_id, run_id) references agent_runs (tenant_id, run_id)
);

-- What is under way: few.
create index model_attempts_open on model_attempts (tenant_id, reserved_at) where state in ('reserved', 'sent');

create table tool_calls (
    tenant_id bigint not null,
    run_id uuid not null,
    agent text not null,
    tool_use_id text not null,
    seq integer not null,
    position integer not null,
    name text not null,
    input text,
    state text not null default 'pending' check (state in ('pending', 'done')),
    content text,
    is_error boolean not null default false,
    done_at timestamptz,
    primary key (tenant_id, run_id, agent, tool_use_id),
    foreign key (tenant_id, run_id, agent, seq) references agent_turns (tenant_id, run_id, agent, seq)
);

create table agent_facts (
    tenant_id bigint not null,
    run_id uuid not null,
    id integer not null check (id > 0),
    agent text not null,
    tool text not null,
    tool_use_id text not null,
    figure jsonb not null,
    as_of timestamptz not null,
    primary key (tenant_id, run_id, id),
    foreign key (tenant_id, run_id) references agent_runs (tenant_id, run_id)
);

-- What the host itself says to an agent, before its turn.
create table agent_notes (
    tenant_id bigint not null,
    run_id uuid not null,
    agent text not null,
    seq integer not null,
    content text not null,
    primary key (tenant_id, run_id, agent, seq),
    foreign key (tenant_id, run_id) references agent_runs (tenant_id, run_id)
);

-- Members as agents know them.
create table agent_aliases (
    tenant_id bigint not null,
    run_id uuid not null,
    alias integer not null,
    member_id uuid not null,
    primary key (tenant_id, run_id, alias),
    unique (tenant_id, run_id, member_id),
    foreign key (tenant_id, run_id) references agent_runs (tenant_id, run_id),
    foreign key (tenant_id, member_id) references members (tenant_id, id)
);
-- To forget a member.
create index agent_aliases_member on agent_aliases (tenant_id, member_id);

create table plans (
    tenant_id bigint not null,
    run_id uuid not null,
    kind text not null,
    goal text not null,
    state text not null check (state in ('validated', 'awaiting_approval', 'approved', 'rejected', 'expired')),
    document jsonb not null,
    complete boolean not null,
    offline boolean not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, run_id),
    foreign key (tenant_id, run_id) references agent_runs (tenant_id, run_id)
);
create index plans_newest on plans (tenant_id, run_id desc);
create index plans_undecided on plans (tenant_id, created_at) where state = 'awaiting_approval';

-- Each proposal of a plan, decided on by itself, for exactly what it was.
create table plan_items (
    tenant_id bigint not null,
    run_id uuid not null,
    key text not null check (key <> ''),
    hash text not null check (hash ~ '^[0-9a-f]{64}$'),
    name text not null,
    approvable boolean not null,
    state text not null default 'proposed' check (state in ('proposed', 'approved', 'rejected', 'expired')),
    decided_by text,
    reason text,
    decided_at timestamptz,
    primary key (tenant_id, run_id, key),
    foreign key (tenant_id, run_id) references plans (tenant_id, run_id),
    check ((state in ('approved', 'rejected')) = (decided_by is not null))
);

do $$
declare
    name text;
begin
    foreach name in array array['agent_settings', 'model_spend', 'agent_runs', 'agent_turns', 'model_attempts',
        'tool_calls', 'agent_facts', 'agent_notes', 'agent_aliases', 'plans', 'plan_items'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert, update on %I to tradeup_app', name);
    end loop;
end
$$;
grant delete on agent_aliases to tradeup_app;
grant select, update on agent_limits to tradeup_app;
grant select, insert, update on model_spend_days to tradeup_app;

-- Plans of one shop, or of all: the newest, newest first. Row security stays as it is: each shop is asked for its own.
create function plans_of_shops(of_tenant text, in_state text, before_run uuid, plans_max bigint)
    returns table (tenant_handle text, run_id uuid, kind text, goal text, state text, complete boolean,
        offline boolean, items bigint, undecided bigint, created_at timestamptz)
    language plpgsql as $$
#variable_conflict use_column
declare
    tenant record;
    before text := current_setting('app.tenant_id', true);
    -- The newest so far, each with its shop; and the oldest of them, once there are enough.
    newest text[] := '{}';
    oldest uuid;
    more text[];
    line text;
begin
    for tenant in select t.id from tenants t where of_tenant is null or t.handle = of_tenant loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        more := array(
            select p.run_id || '/' || p.tenant_id from plans p
            where p.tenant_id = tenant.id and (in_state is null or p.state = in_state)
                and (before_run is null or p.run_id < before_run) and (oldest is null or p.run_id > oldest)
            order by p.run_id desc limit plans_max);
        continue when more = '{}';
        newest := array(select f from unnest(newest || more) f order by f collate "C" desc limit plans_max);
        if cardinality(newest) = plans_max then
            oldest := split_part(newest[plans_max], '/', 1)::uuid;
        end if;
    end loop;
    foreach line in array newest loop
        perform set_config('app.tenant_id', split_part(line, '/', 2), true);
        return query
            select t.handle, p.run_id, p.kind, p.goal, p.state, p.complete, p.offline,
                (select count(*) from plan_items i where i.tenant_id = p.tenant_id and i.run_id = p.run_id),
                (select count(*) from plan_items i where i.tenant_id = p.tenant_id and i.run_id = p.run_id
                    and i.state = 'proposed'),
                p.created_at
            from plans p join tenants t on t.id = p.tenant_id
            where p.tenant_id = split_part(line, '/', 2)::bigint
                and p.run_id = split_part(line, '/', 1)::uuid;
    end loop;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
end
$$;
grant execute on function plans_of_shops to tradeup_app;
