-- Roles of TradeUp Jobs. Plain SQL, may be run again at any time, and is to be run again when it has changed.
--
-- Run it as a superuser, connected to the database that TradeUp uses (not to "postgres").
-- The database must exist already; this file makes `tradeup_owner` its owner.
-- Passwords are set apart from this file, so that it holds no secret:
--     alter role tradeup_owner password '...';     and so on for each that logs in
--
--   tradeup_owner       owns the database and schema "public"; runs migrations (`tradeup setup`), nothing else
--   tradeup_scheduler   what each service logs in as, and tradeup_cli the operators' command: reads and writes
--   tradeup_credits     the rows that its own statements need, subject to row security, and cannot create, alter or
--   tradeup_webhooks    drop anything
--   tradeup_agents
--   tradeup_console
--   tradeup_cli         besides, makes temporary tables (imports stage in one)
--   tradeup_services    nobody logs in as it: what all five services may, for the machinery of runs
--   tradeup_app         may what any of them may: for tests, and for trying things out with one URL
--   tradeup_monitor     reads statistics of the server for metrics, and no table of ours
--
-- Who may what on which table is in services/shared/store/src/pool/grants.sql, which `tradeup setup` applies. No default
-- privileges are set: what is written nowhere, nobody may.

do $$
declare
    wanted constant text := 'nosuperuser nocreatedb nocreaterole noreplication nobypassrls';
    services constant text[] := array['tradeup_scheduler', 'tradeup_credits', 'tradeup_webhooks', 'tradeup_agents',
        'tradeup_console'];
    commands constant text[] := array['tradeup_cli', 'tradeup_app'];
    role_name text;
    above text;
    logs_in boolean;
    database_name constant text := current_database();
begin
    if database_name in ('postgres', 'template0', 'template1') then
        raise exception 'roles.sql must run in the database that TradeUp uses, not in "%"', database_name;
    end if;

    foreach role_name in array array['tradeup_owner', 'tradeup_services', 'tradeup_monitor'] || services || commands loop
        logs_in := role_name <> 'tradeup_services';
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I %s %s', role_name, wanted, case when logs_in then 'login' else 'nologin' end);
        elsif exists (
            select from pg_roles
            where rolname = role_name
              and (rolcanlogin <> logs_in or rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)
        ) then
            -- Somebody widened it: narrow it again.
            execute format('alter role %I %s %s', role_name, wanted, case when logs_in then 'login' else 'nologin' end);
        end if;
    end loop;

    -- Nobody becomes the owner, or another service, by membership.
    for role_name, above in
        select m.rolname, g.rolname
        from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid
        where m.rolname = any (array['tradeup_services', 'tradeup_monitor'] || services || commands)
          and not (m.rolname = any (services) and g.rolname = 'tradeup_services')
          and not (m.rolname = 'tradeup_monitor' and g.rolname = 'pg_monitor')
    loop
        execute format('revoke %I from %I', above, role_name);
    end loop;
    foreach role_name in array services loop
        if not pg_has_role(role_name, 'tradeup_services', 'usage') then
            execute format('grant tradeup_services to %I', role_name);
        end if;
    end loop;

    if not exists (
        select from pg_auth_members
        where member = 'tradeup_monitor'::regrole and roleid = 'pg_monitor'::regrole
    ) then
        grant pg_monitor to tradeup_monitor;
    end if;

    -- Without the explicit grant, nobody but the owner and superusers may connect.
    execute format('alter database %I owner to tradeup_owner', database_name);
    execute format('revoke all on database %I from public', database_name);
    foreach role_name in array services || commands || array['tradeup_monitor'] loop
        execute format('revoke all on database %I from %I', database_name, role_name);
        execute format('grant connect on database %I to %I', database_name, role_name);
    end loop;
    execute format('grant temporary on database %I to tradeup_cli, tradeup_app', database_name);
end
$$;

-- tradeup_owner may create tables in "public" as its owner; the others may only look inside.
alter schema public owner to tradeup_owner;
revoke all on schema public from public;
revoke all on schema public from tradeup_services, tradeup_scheduler, tradeup_credits, tradeup_webhooks, tradeup_agents,
    tradeup_console, tradeup_cli, tradeup_app;
grant usage on schema public to tradeup_services, tradeup_cli, tradeup_app;
