-- Schedules, and a row for each decision about their fires. The cursor (next_fire_at) moves in the
-- commit that creates the run.

create table schedules (
    id bigint generated always as identity primary key,
    name text not null,
    -- A tenant's own schedule takes the place of the one for all tenants, for that tenant.
    tenant_id bigint references tenants (id),
    task text not null,
    cron text not null,
    zone text not null,
    -- What happens at times that the clocks skip, or show twice.
    gap_policy text not null check (gap_policy in ('skip', 'after')),
    repeat_policy text not null check (repeat_policy in ('first', 'both')),
    -- skip, latest, all, all:N; for fires missed for no longer than the window.
    missed_policy text not null check (missed_policy ~ '^(skip|latest|all(:[1-9][0-9]*)?)$'),
    missed_window interval not null check (missed_window > interval '0'),
    -- What happens while the run of an earlier fire is under way.
    overlap_policy text not null check (overlap_policy in ('skip', 'queue_one', 'allow')),
    -- Tenants' runs start spread over this long, each always at the same offset.
    spread interval not null default '0' check (spread >= interval '0'),
    paused_by text,
    paused_because text,
    paused_at timestamptz,
    -- Null after an edit: a scheduler computes it anew.
    next_fire_at timestamptz,
    created_at timestamptz not null default now(),
    unique nulls not distinct (name, tenant_id),
    check ((paused_at is null) = (paused_by is null) and (paused_at is null) = (paused_because is null))
);
create index schedules_due on schedules (next_fire_at);

create table fire_decisions (
    schedule_id bigint not null references schedules (id) on delete cascade,
    fire_at timestamptz not null,
    -- Many fires that did nothing, one after the other, are one row.
    until timestamptz not null,
    fires integer not null check (fires > 0),
    decision text not null check (decision in
        ('fired', 'late', 'queued', 'skipped', 'missed', 'paused', 'skipped_overlap')),
    run_id uuid,
    decided_at timestamptz not null default now(),
    decided_by text not null,
    primary key (schedule_id, fire_at),
    check ((run_id is not null) = (decision in ('fired', 'late', 'queued'))),
    check (until >= fire_at and (fires > 1 or until = fire_at))
);
create index fire_decisions_latest on fire_decisions (fire_at desc);
create index fire_decisions_runs on fire_decisions (run_id) where run_id is not null;

grant select, insert, update, delete on schedules to tradeup_app;
grant select, insert on fire_decisions to tradeup_app;
