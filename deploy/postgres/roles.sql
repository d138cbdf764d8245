-- Roles and rights of TradeUp Jobs. Plain SQL, may be run again at any time.
--
-- Run it as a superuser, connected to the database that TradeUp uses (not to "postgres").
-- The database must exist already; this file makes `tradeup_owner` its owner.
-- Passwords are set apart from this file, so that it holds no secret:
--     alter role tradeup_owner password '...';
--     alter role tradeup_app password '...';
--
--   tradeup_owner   owns the database and schema "public"; runs migrations, nothing else
--   tradeup_app     what the services log in as: reads and writes rows, subject to row security,
--                   and cannot create, alter or drop anything but temporary tables (imports stage in one)
--
-- No default privileges are set: each migration grants to tradeup_app what its tables need.

do $$
declare
    wanted constant text := 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls';
    role_name text;
    database_name constant text := current_database();
begin
    if database_name in ('postgres', 'template0', 'template1') then
        raise exception 'roles.sql must run in the database that TradeUp uses, not in "%"', database_name;
    end if;

    foreach role_name in array array['tradeup_owner', 'tradeup_app'] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I %s', role_name, wanted);
        elsif exists (
            select from pg_roles
            where rolname = role_name
              and (not rolcanlogin or rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)
        ) then
            -- Somebody widened it: narrow it again.
            execute format('alter role %I %s', role_name, wanted);
        end if;
    end loop;

    -- The services must not become the owner by membership.
    if pg_has_role('tradeup_app', 'tradeup_owner', 'member') then
        revoke tradeup_owner from tradeup_app;
    end if;

    -- Without the explicit grant, nobody but the owner and superusers may connect.
    execute format('alter database %I owner to tradeup_owner', database_name);
    execute format('revoke all on database %I from public, tradeup_app', database_name);
    execute format('grant connect, temporary on database %I to tradeup_app', database_name);
end
$$;

-- tradeup_owner may create tables in "public" as its owner; tradeup_app may only look inside.
alter schema public owner to tradeup_owner;
revoke create on schema public from public;
revoke all on schema public from tradeup_app;
grant usage on schema public to tradeup_app;
