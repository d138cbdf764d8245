-- Campaigns: proposals of plans that a person has approved, carried out by ordinary tasks and measured against those
-- who were held out.

-- What is done when a proposal is approved, in full: what its hash is of, with the figures in its texts. Null: asked for
-- before campaigns could be carried out.
alter table plan_items add column terms jsonb;

-- One for each approved proposal; its id follows from the plan's run and the proposal's key.
create table campaigns (
    tenant_id bigint not null,
    id uuid not null,
    -- The proposal.
    run_id uuid not null,
    key text not null,
    name text not null,
    kind text not null check (kind in ('bonus_credit', 'extension', 'mail')),
    -- For whom, as of the plan's snapshot: a segment, `all` or `expiring`; a tier's handle or null for any.
    segment text not null check (segment <> ''),
    tier text check (tier <> ''),
    snapshot_id uuid not null,
    as_of timestamptz not null,
    -- The message, word by word.
    subject text not null,
    body text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    credit_minor bigint not null check (credit_minor >= 0),
    credit_ends_within_days integer not null check (credit_ends_within_days between 0 and 3650),
    extend_days integer not null check (extend_days between 0 and 3650),
    -- Who of ten thousand gets nothing.
    hold_out_bps integer not null check (hold_out_bps between 0 and 9000),
    -- The most that may be given or kept alive, and what has been; one update decides. An extension gives nothing anew: 0 is
    -- no limit of its own.
    cost_limit_minor bigint not null check (cost_limit_minor >= 0),
    spent_minor bigint not null default 0 check (spent_minor >= 0),
    check (spent_minor <= cost_limit_minor or (kind = 'extension' and cost_limit_minor = 0)),
    -- Days from its start until it is measured.
    horizon_days integer not null check (horizon_days between 1 and 365),
    state text not null default 'approved' check (state in ('approved', 'running', 'done', 'stopped')),
    approved_by text not null check (approved_by <> ''),
    approved_at timestamptz not null default clock_timestamp(),
    -- The run that carries it out.
    start_run_id uuid not null,
    -- When its members were chosen: results count from then.
    started_at timestamptz,
    ended_at timestamptz,
    stopped_by text check (stopped_by <> ''),
    stop_reason text,
    -- As of when it was measured.
    measured_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, run_id, key),
    foreign key (tenant_id, run_id, key) references plan_items (tenant_id, run_id, key),
    check ((kind = 'bonus_credit') = (credit_minor > 0)),
    check ((kind = 'bonus_credit') = (credit_ends_within_days > 0)),
    check ((kind = 'extension') = (extend_days > 0)),
    check ((state in ('done', 'stopped')) = (ended_at is not null)),
    check ((state = 'stopped') = (stopped_by is not null)),
    check (state not in ('running', 'done') or started_at is not null),
    check (measured_at is null or (ended_at is not null and started_at is not null))
) with (fillfactor = 70);
create index campaigns_newest on campaigns (tenant_id, approved_at desc, id);
create index campaigns_unmeasured on campaigns (tenant_id, started_at) where measured_at is null and ended_at is not null;

-- Whom it is for, and what became of each. The arm is drawn by a hash of both ids: whoever draws again draws the same.
create table campaign_members (
    tenant_id bigint not null,
    campaign_id uuid not null,
    member_id uuid not null,
    arm text not null check (arm in ('treated', 'held_out')),
    -- What was done; null: nothing yet.
    outcome text check (outcome in ('credited', 'extended', 'written', 'skipped_cap', 'skipped_wallet', 'skipped_nothing',
        'skipped_stopped', 'skipped_gone', 'skipped_unreachable', 'failed')),
    -- What was given or kept alive, in minor units of the campaign's currency.
    amount_minor bigint not null default 0 check (amount_minor >= 0),
    run_id uuid,
    at timestamptz,
    primary key (tenant_id, campaign_id, member_id),
    foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check (arm = 'treated' or outcome is null),
    check ((outcome is null) = (at is null) and (outcome is null) = (run_id is null)),
    check (amount_minor = 0 or outcome in ('credited', 'extended'))
) with (fillfactor = 70);
create index campaign_members_open on campaign_members (tenant_id, campaign_id, member_id)
    where arm = 'treated' and outcome is null;
create index campaign_members_of_member on campaign_members (tenant_id, member_id);

-- Whose end was moved, from when to when: each lot once for each campaign.
create table campaign_lots (
    tenant_id bigint not null,
    campaign_id uuid not null,
    lot_id uuid not null,
    member_id uuid not null,
    currency text not null,
    kept_minor bigint not null check (kept_minor > 0),
    ended_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > ended_at),
    primary key (tenant_id, campaign_id, lot_id),
    foreign key (tenant_id, campaign_id, member_id)
        references campaign_members (tenant_id, campaign_id, member_id),
    foreign key (tenant_id, lot_id, member_id, currency) references lots (tenant_id, id, member_id, currency)
);
create index campaign_lots_of_lot on campaign_lots (tenant_id, lot_id);

-- What each arm did from the start until the campaign was measured.
create table campaign_results (
    tenant_id bigint not null,
    campaign_id uuid not null,
    arm text not null check (arm in ('treated', 'held_out')),
    members bigint not null check (members >= 0),
    -- Who ordered, how often, and for how much.
    ordering_members bigint not null check (ordering_members between 0 and members),
    orders bigint not null check (orders >= ordering_members),
    revenue_minor bigint not null check (revenue_minor >= 0),
    -- Credit that was used.
    redeemed_minor bigint not null check (redeemed_minor >= 0),
    primary key (tenant_id, campaign_id, arm),
    foreign key (tenant_id, campaign_id) references campaigns (tenant_id, id)
);

-- What a plan wanted to reach, looked at again when its time has come.
create table kpi_follow_ups (
    tenant_id bigint not null,
    run_id uuid not null,
    -- Its place in the plan, from 1.
    n integer not null check (n > 0),
    name text not null,
    measure text not null check (measure <> ''),
    tier text check (tier <> ''),
    unit text not null check (unit <> ''),
    currency text check (currency ~ '^[A-Z]{3}$'),
    baseline bigint not null,
    target bigint not null,
    due_at timestamptz not null,
    actual bigint,
    verdict text check (verdict in ('met', 'missed', 'no_data')),
    followed_at timestamptz,
    primary key (tenant_id, run_id, n),
    foreign key (tenant_id, run_id) references plans (tenant_id, run_id),
    check ((verdict is null) = (followed_at is null)),
    check (actual is null or verdict in ('met', 'missed'))
);
create index kpi_follow_ups_due on kpi_follow_ups (tenant_id, due_at) where verdict is null;

do $$
declare
    name text;
begin
    foreach name in array array['campaigns', 'campaign_members', 'campaign_lots', 'campaign_results', 'kpi_follow_ups'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert, update on %I to tradeup_app', name);
    end loop;
end
$$;

-- A campaign's credit has its own reason, and the campaign as its key: one for each member, ever.
alter table lots drop constraint lots_reason_check,
    add constraint lots_reason_check check (reason in ('monthly', 'granted', 'cashback', 'reinstated', 'adjusted',
        'transferred', 'welcome', 'trade_in', 'trade_in_bonus', 'campaign'));

-- Campaigns of one shop, or of all: the newest, newest first. Row security stays as it is: each shop is asked for its own.
create function campaigns_of_shops(of_tenant text, in_state text, before_at timestamptz, before_id uuid, campaigns_max bigint)
    returns table (tenant_handle text, id uuid, run_id uuid, name text, kind text, segment text, state text,
        currency text, spent_minor bigint, cost_limit_minor bigint, approved_by text, approved_at timestamptz,
        measured_at timestamptz)
    language plpgsql as $$
#variable_conflict use_column
declare
    tenant record;
    before text := current_setting('app.tenant_id', true);
    found jsonb := '[]';
    more jsonb;
begin
    for tenant in select t.id, t.handle from tenants t where of_tenant is null or t.handle = of_tenant loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        more := (select jsonb_agg(to_jsonb(c) || jsonb_build_object('tenant_handle', tenant.handle)) from (
            select c.id, c.run_id, c.name, c.kind, c.segment, c.state, c.currency, c.spent_minor, c.cost_limit_minor,
                c.approved_by, c.approved_at, c.measured_at
            from campaigns c
            where c.tenant_id = tenant.id and (in_state is null or c.state = in_state)
                and (before_at is null or (c.approved_at, c.id) < (before_at, before_id))
            order by c.approved_at desc, c.id desc limit campaigns_max) as c);
        continue when more is null;
        -- No more than asked for is held at a time.
        found := (select jsonb_agg(f order by (f ->> 'approved_at')::timestamptz desc, f ->> 'id' desc) from (
            select f from jsonb_array_elements(found || more) as f
            order by (f ->> 'approved_at')::timestamptz desc, f ->> 'id' desc limit campaigns_max) as f);
    end loop;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
    return query select f.* from jsonb_to_recordset(found) as f (tenant_handle text, id uuid, run_id uuid, name text,
        kind text, segment text, state text, currency text, spent_minor bigint, cost_limit_minor bigint, approved_by text,
        approved_at timestamptz, measured_at timestamptz);
end
$$;
grant execute on function campaigns_of_shops to tradeup_app;

-- A campaign's mails are sent as digests are: marked before, each at most once. Warnings are one a day for each member, a
-- campaign's mail one for each of its members.
alter table digests
    add column campaign_id uuid,
    drop constraint digests_tenant_id_member_id_day_key,
    drop constraint digests_dropped_because_check,
    add constraint digests_dropped_because_check check (dropped_because in ('spent', 'shop', 'no_email', 'opt_out', 'bounce',
        'complaint', 'no_consent', 'campaign')),
    add foreign key (tenant_id, campaign_id, member_id) references campaign_members (tenant_id, campaign_id, member_id);
create unique index digests_of_day on digests (tenant_id, member_id, day) where campaign_id is null;
create unique index digests_of_campaign on digests (tenant_id, campaign_id, member_id) where campaign_id is not null;

-- Who unsubscribes from what a shop advertises is still warned, and the other way round.
alter table suppressions
    drop constraint suppressions_kind_check,
    add constraint suppressions_kind_check check (kind in ('credit_expiry', 'campaign'));

-- Why a member is not to be written to; null if they are. An address that does not take mails takes none of any kind.
create or replace function mail_suppressed(of_tenant bigint, member uuid, mail_kind text, address text) returns text
    language sql stable parallel safe
    return case
        when address is null then 'no_email'
        else (
            select s.reason from suppressions s
            where s.tenant_id = of_tenant and s.member_id = member
                and (s.kind = mail_kind or s.reason in ('bounce', 'complaint'))
                and (s.address_hash is null or s.address_hash = mail_address_hash(address))
            order by s.reason = 'bounce', s.reason
            limit 1)
        end;
