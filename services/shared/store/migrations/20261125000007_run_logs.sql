-- What attempts say and remember while they work, and how long it is kept.

-- Log lines of attempts. One partition a day, made ahead and dropped whole.
create table run_logs (
    run_id uuid not null,
    attempt integer not null,
    at timestamptz not null,
    -- Order within one attempt.
    seq bigint not null,
    level text not null check (level in ('error', 'warn', 'info', 'debug', 'trace')),
    message text not null,
    fields jsonb
) partition by range (at);
create index run_logs_run on run_logs (run_id, attempt, seq);
-- For the case that nobody made a partition: nothing is refused.
create table run_logs_default partition of run_logs default;

-- How far a run is, as its task tells.
create table run_progress (
    run_id uuid primary key,
    attempt integer not null,
    done bigint not null check (done >= 0),
    total bigint check (total >= 0),
    note text,
    at timestamptz not null default now()
) with (fillfactor = 70);

-- What a task wants to find again after a crash.
create table run_checkpoints (
    run_id uuid not null,
    name text not null,
    value bytea not null check (octet_length(value) <= 1048576),
    attempt integer not null,
    saved_at timestamptz not null default now(),
    primary key (run_id, name)
);

-- Up to where ended runs were deleted: what stands before has no run any more.
create table retention (
    only_row boolean primary key default true check (only_row),
    runs_deleted_through uuid
);
insert into retention default values;

-- The services may not change tables; they may let this function do so.
create function keep_run_logs(days integer) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    day date;
    partition record;
    name text;
begin
    if days < 1 then
        raise exception 'run logs are kept for a day at least';
    end if;
    -- One at a time; the others need not wait.
    if not pg_try_advisory_xact_lock(hashtext('keep_run_logs')) then
        return;
    end if;
    for n in 0..2 loop
        day := (now() at time zone 'UTC')::date + n;
        name := 'run_logs_' || to_char(day, 'YYYYMMDD');
        if to_regclass(name) is null then
            begin
                execute format('create table %I partition of run_logs for values from (%L) to (%L)', name,
                    day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
            exception when check_violation then
                -- Lines of that day are in the default partition already; the next day gets its own.
                null;
            end;
        end if;
    end loop;
    for partition in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'run_logs'::regclass and c.relname ~ '^run_logs_[0-9]{8}$'
    loop
        if to_date(right(partition.relname, 8), 'YYYYMMDD') < (now() at time zone 'UTC')::date - days then
            execute format('drop table %I', partition.relname);
        end if;
    end loop;
    delete from run_logs_default where at < now() - make_interval(days => days);
end
$$;
revoke all on function keep_run_logs(integer) from public;
grant execute on function keep_run_logs(integer) to tradeup_app;

grant select, insert on run_logs to tradeup_app;
grant select, insert, update, delete on run_progress, run_checkpoints to tradeup_app;
grant select, update on retention to tradeup_app;
grant delete on runs, attempts, batch_plans, batches, fire_decisions to tradeup_app;
