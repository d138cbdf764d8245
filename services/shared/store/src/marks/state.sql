-- How far the database is, for people.
select (select system_identifier::text from pg_control_system()) as "system_identifier!",
    -- The timeline is the first part of a WAL file's name; a standby can't tell the current one's.
    case when pg_is_in_recovery() then (select timeline_id from pg_control_checkpoint())
        else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as "timeline!",
    newest.id as "newest_run_id?: RunId", newest.created_at as "newest_run_at?",
    mark.at as "marked_at?"
from (select) as one
left join (select id, created_at from runs order by id desc limit 1) as newest on true
left join (select at from database_marks order by n desc limit 1) as mark on true
