-- A database that was restored knows nothing of what its shops were told since. From these rows it is known in which time that
-- was: what is told to a shop is looked for there first (decision 0033).
create table restores (
    -- The mark that was placed when it was accepted.
    mark bigint primary key,
    -- The newest mark that the restored database had: whatever came later may be lost.
    lost_from timestamptz not null,
    accepted_at timestamptz not null default clock_timestamp(),
    check (lost_from <= accepted_at)
);

comment on table restores is 'times that a restore has lost, by the marks that accepted it';

-- Until when what customers ask for by law has to be done, of all shops, so that whoever watches it has to see no shop's rows.
-- The engine's own; it says of nobody more than that somebody has asked.
create table privacy_due (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    kind text not null,
    due_at timestamptz not null,
    primary key (tenant_id, id)
);
create index privacy_due_first on privacy_due (due_at);

create function note_privacy_due() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.state = 'open' then
            insert into privacy_due (tenant_id, id, kind, due_at) values (new.tenant_id, new.id, new.kind, new.due_at);
        end if;
    elsif new.state <> 'open' then
        delete from privacy_due where tenant_id = new.tenant_id and id = new.id;
    end if;
    return null;
end
$$;
create trigger privacy_requests_due after insert or update of state on privacy_requests
    for each row execute function note_privacy_due();

-- Those that are open already.
do $$
declare
    tenant record;
    before text := current_setting('app.tenant_id', true);
begin
    for tenant in select id from tenants loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        insert into privacy_due (tenant_id, id, kind, due_at)
        select tenant_id, id, kind, due_at from privacy_requests where tenant_id = tenant.id and state = 'open';
    end loop;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
end
$$;
