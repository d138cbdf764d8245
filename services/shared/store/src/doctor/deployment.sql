select current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) as "connections_max!",
       -- What kind of process others' are, a role is not told.
       (select count(*) from pg_stat_activity where datid is not null and usesysid is not null) as "connections!",
       current_user::text as "role!",
       (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) as "bypasses!",
       -- Roles of ours that see every tenant. tradeup_admin is the superuser that makes them, by whom nobody works.
       (select coalesce(array_agg(rolname::text order by rolname), '{}') from pg_roles
        where rolname like 'tradeup\_%' and rolname <> 'tradeup_admin' and (rolsuper or rolbypassrls)) as "wide_roles!",
       -- Tables that have a policy, which is not enforced for everybody.
       (select coalesce(array_agg(c.relname::text order by c.relname), '{}') from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and (c.relrowsecurity or exists (select from pg_policy where polrelid = c.oid))
          and not (c.relrowsecurity and c.relforcerowsecurity)) as "unprotected!",
       (select count(*) from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relforcerowsecurity) as "protected!",
       (select version from schema_floor) as "floor!",
       pg_is_in_recovery() as "is_standby!",
       pg_database_size(current_database()) as "bytes!",
       (select age(datfrozenxid)::bigint from pg_database where datname = current_database()) as "xid_age!",
       (select coalesce(array_agg(slot_name::text order by slot_name), '{}') from pg_replication_slots
        where not active and not pg_is_in_recovery()
          and pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > 1073741824) as "idle_slots!",
       current_setting('archive_mode') <> 'off' as "archives!",
       a.archived_count as "archived!",
       a.last_failed_time is not null and a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
           as "archive_fails!",
       extract(epoch from now() - a.last_archived_time)::float8 as archived_seconds,
       extract(epoch from now() - a.last_failed_time)::float8 as failed_seconds,
       (select setting::float8 from pg_settings where name = 'archive_timeout') as "archive_timeout!"
from pg_stat_archiver a
