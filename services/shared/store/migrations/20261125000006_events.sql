-- What happened elsewhere, as other systems published it: one row for each event that could be read,
-- written in the commit of the run that its topic is routed to. Bodies hold personal data.

create table events (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    source text not null check (source <> ''),
    topic text not null check (topic <> ''),
    -- The publisher's: with the source it makes the event unique, however often it is delivered.
    event_id text not null check (event_id <> ''),
    -- When it happened, as the publisher says; otherwise when the stream stored it.
    occurred_at timestamptz not null,
    received_at timestamptz not null default now(),
    content_type text not null,
    body bytea not null,
    -- unhandled: no topic of ours; kept for whoever comes to understand it.
    state text not null check (state in ('routed', 'unhandled')),
    run_id uuid,
    primary key (tenant_id, id),
    unique (tenant_id, source, event_id),
    check ((run_id is not null) = (state = 'routed'))
);
create index events_runs on events (tenant_id, run_id) where run_id is not null;

alter table events enable row level security;
alter table events force row level security;
create policy tenant_isolation on events using (tenant_id = app_tenant_id());
-- What was received is not changed: its run is known in the same transaction.
grant select, insert on events to tradeup_app;
