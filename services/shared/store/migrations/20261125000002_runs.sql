-- Durable execution: runs and their attempts, batches, outbox, dead letters. These tables are the engine's own; they hold no personal data.

create table runs (
    id uuid primary key,
    tenant_id bigint references tenants (id),
    task text not null,
    -- Makes a trigger idempotent: one run for each task, tenant and key, whoever fires it.
    key text not null,
    trigger text not null check (trigger in ('schedule', 'manual', 'parent', 'event')),
    triggered_by text,
    parent_id uuid,
    root_id uuid not null,
    state text not null default 'queued' check (state in
        ('scheduled', 'queued', 'running', 'waiting', 'retrying', 'succeeded', 'dead', 'cancelled')),
    -- Urgent runs have a lane of their own in the stream.
    urgent boolean not null default false,
    -- What people search for.
    tags text[] not null default '{}',
    -- It has to fit into a message.
    payload bytea not null check (octet_length(payload) <= 524288),
    -- When the run was due, in business time. What it is about follows from this.
    scheduled_for timestamptz not null,
    -- Tries so far. It is the fencing number too: only the holder of the latest may finish.
    attempt integer not null default 0 check (attempt >= 0),
    -- Decided by its task at the first claim, and again at the first one after a replay.
    max_attempts integer check (max_attempts > 0),
    -- A running run belongs to its worker until then.
    lease_expires_at timestamptz,
    next_attempt_at timestamptz,
    error_code text,
    error text,
    result jsonb,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    unique nulls not distinct (task, tenant_id, key),
    check ((finished_at is not null) = (state in ('succeeded', 'dead', 'cancelled'))),
    check ((lease_expires_at is not null) = (state = 'running')),
    check ((next_attempt_at is not null) = (state in ('scheduled', 'retrying'))),
    check (state <> 'dead' or error_code is not null)
) with (fillfactor = 80);
-- No index names a column that a claim changes, so that claims are heap-only updates.
create index runs_unfinished on runs (parent_id) where finished_at is null;
create index runs_children on runs (parent_id, id) where parent_id is not null;
create index runs_of_root on runs (root_id) where root_id <> id;
create index runs_of_tenant on runs (tenant_id, id);
create index runs_tagged on runs using gin (tags) where tags <> '{}';

create table attempts (
    run_id uuid not null,
    attempt integer not null check (attempt > 0),
    worker text not null,
    build text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    outcome text check (outcome in ('succeeded', 'waiting', 'snoozed', 'failed', 'dead', 'lost', 'cancelled')),
    error_code text,
    error text,
    primary key (run_id, attempt),
    check ((finished_at is null) = (outcome is null))
) with (fillfactor = 80);

-- How a run's batches are executed and how many may be in the stream at once.
create table batch_plans (
    parent_run_id uuid primary key,
    tenant_id bigint not null references tenants (id),
    task text not null,
    payload bytea not null,
    release_window integer not null check (release_window > 0)
);

create table batches (
    parent_run_id uuid not null references batch_plans (parent_run_id),
    seq integer not null check (seq >= 0),
    tenant_id bigint not null references tenants (id),
    first_member_id uuid not null,
    last_member_id uuid not null,
    members integer not null check (members between 0 and 1000),
    state text not null default 'planned' check (state in ('planned', 'released', 'done', 'dead', 'cancelled')),
    -- The run that works on it, once released.
    run_id uuid,
    currency text,
    affected integer not null default 0 check (affected >= 0),
    affected_minor bigint not null default 0 check (affected_minor >= 0),
    already_done integer not null default 0 check (already_done >= 0),
    exempt integer not null default 0 check (exempt >= 0),
    failed integer not null default 0 check (failed >= 0),
    primary key (parent_run_id, seq),
    check (state in ('planned', 'cancelled') or run_id is not null),
    check (state <> 'planned' or run_id is null),
    -- Done means: each planned member is accounted for.
    check (state <> 'done' or affected + already_done + exempt + failed = members)
) with (fillfactor = 80);
create index batches_planned on batches (parent_run_id, seq) where state = 'planned';
create unique index batches_run on batches (run_id) where run_id is not null;

create table outbox (
    id uuid primary key,
    kind text not null check (kind in ('job', 'dead', 'raw')),
    -- A job's subject and message are made from its run; its row goes when the run is claimed.
    run_id uuid,
    -- Other messages' are kept here: a dead letter, or a message replayed as it was received. The
    -- row goes when the broker has acknowledged it.
    subject text,
    error_code text,
    -- Name and value of each, of a message that came with others than ours.
    headers jsonb,
    body bytea,
    created_at timestamptz not null default now(),
    -- The writer publishes at once; from then on the sweep does.
    next_publish_at timestamptz not null default now() + interval '5 seconds',
    -- How often the sweep has: each turn waits longer for the next.
    turns smallint not null default 0,
    -- Why a job waits here that could go: see pauses, breakers, limits, and schedules'
    -- overlap. With words for people.
    held_by text check (held_by in ('pause', 'breaker', 'limit', 'overlap')),
    held_because text,
    check ((held_by is null) = (held_because is null)),
    check (kind <> 'job' or run_id is not null),
    check (kind = 'job' or (subject is not null and body is not null)),
    check ((kind = 'dead') = (error_code is not null))
);
create index outbox_run on outbox (run_id);
create index outbox_due on outbox (next_publish_at);
create index outbox_held on outbox (held_by, run_id) where held_by is not null;

create table dead_letters (
    id uuid primary key,
    -- Null when the message could not be read that far.
    run_id uuid,
    tenant_id bigint references tenants (id),
    task text,
    subject text not null,
    message bytea not null,
    headers jsonb,
    code text not null,
    errors text[] not null,
    fingerprint text not null,
    build text not null,
    dead_at timestamptz not null default now(),
    -- What a person did about it.
    resolution text check (resolution in ('replayed', 'discarded')),
    resolved_at timestamptz,
    resolved_by text,
    check ((resolution is null) = (resolved_at is null) and (resolution is null) = (resolved_by is null))
);
create index dead_letters_run on dead_letters (run_id);
create index dead_letters_unresolved on dead_letters (fingerprint, id) where resolution is null;

-- What people did, and why. Written in the commit of the act itself.
create table audit_log (
    id uuid primary key,
    at timestamptz not null default now(),
    actor text not null check (actor <> ''),
    act text not null,
    -- What it was done to, and with which arguments.
    subject jsonb not null,
    reason text
);

grant select, insert, update, delete on outbox to tradeup_app;
grant select, insert, update on runs, attempts, batch_plans, batches to tradeup_app;
grant select, insert on dead_letters, audit_log to tradeup_app;
grant update (resolution, resolved_at, resolved_by) on dead_letters to tradeup_app;
