-- Alerts: what somebody has to look at, once however often it is seen, and who was told (decision 0017).

create table alert_rules (
    rule text primary key check (rule in ('missed_schedule', 'dead_letters', 'error_rate', 'backlog_age',
        'liability_jump', 'service_down', 'nats_down')),
    enabled boolean not null default true,
    -- What is too much: seconds, letters or per cent, as the rule has it.
    threshold integer not null check (threshold > 0),
    -- How often it is looked at, and when it was last begun to.
    every interval not null check (every > interval '0'),
    looked_at timestamptz
);
insert into alert_rules (rule, threshold, every) values
    ('missed_schedule', 300, '15 seconds'),
    ('dead_letters', 1, '15 seconds'),
    ('error_rate', 20, '1 minute'),
    ('backlog_age', 600, '15 seconds'),
    ('liability_jump', 50, '1 hour'),
    ('service_down', 60, '15 seconds'),
    ('nats_down', 60, '15 seconds');

create table alerts (
    id uuid primary key,
    rule text not null references alert_rules (rule),
    -- What it is about, within its rule.
    subject text not null check (subject <> ''),
    tenant_id bigint references tenants (id),
    summary text not null check (summary <> ''),
    -- Where the console shows it.
    page text not null check (page like '/%'),
    opened_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    reminded_at timestamptz not null default now(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    -- It was not to be seen any more.
    resolved_at timestamptz,
    check ((acknowledged_at is null) = (acknowledged_by is null))
);
create unique index alerts_open on alerts (rule, subject) where resolved_at is null;
create index alerts_resolved on alerts (resolved_at) where resolved_at is not null;

-- Where people are told: as the consoles' settings have it.
create table alert_channels (
    channel text primary key check (channel <> ''),
    -- Who or what it reaches, without secrets.
    reaches text not null,
    seen_at timestamptz not null default now(),
    sent_at timestamptz,
    failed_at timestamptz,
    error text,
    check ((failed_at is null) = (error is null))
);

-- One message to one channel, about all that was found together.
create table alert_notices (
    -- The message's id on the wire: the same however often it is sent.
    id uuid primary key,
    channel text not null references alert_channels (channel) on delete cascade,
    opened uuid[] not null,
    resolved uuid[] not null,
    -- Still open, and nobody has taken them.
    reminded uuid[] not null,
    created_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    tries integer not null default 0 check (tries >= 0),
    -- Sent, or given up.
    ended_at timestamptz
);
create index alert_notices_due on alert_notices (due_at) where ended_at is null;
create index alert_notices_ended on alert_notices (ended_at) where ended_at is not null;

grant select, insert, update, delete on alerts, alert_channels, alert_notices to tradeup_app;
grant select, update on alert_rules to tradeup_app;

-- What each shop owed to its members, from hour to hour.
create table liability_marks (
    tenant_id bigint not null references tenants (id),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    at timestamptz not null default now(),
    owed_minor bigint not null,
    primary key (tenant_id, currency, at)
);
alter table liability_marks enable row level security;
alter table liability_marks force row level security;
create policy tenant_isolation on liability_marks using (tenant_id = app_tenant_id());
grant select, insert, delete on liability_marks to tradeup_app;
