-- How the engine stands, as words and numbers: what, of what, how much.
with unfinished as (
    select state, count(*) as runs from runs where finished_at is null group by state
), aged as (
    -- Each turn puts a message off: 5 seconds, doubling. So the first turn was that long before the next.
    select held_by is not null as held, extract(epoch from now() - next_publish_at) as late,
        case when turns > 0 then 5 * (2 ^ turns - 1) else 0 end as tried_for, turns
    from outbox
), messages as (
    select case when held then 'held' when late > 0 or turns > 0 then 'due' else 'later' end as state,
        count(*) as messages, max(late + tried_for) filter (where not held and (late > 0 or turns > 0)) as oldest
    from aged group by 1
)
select 'unfinished' as "what!", state as "of!", runs::float8 as "number!" from unfinished
union all
select 'outbox', states.state, coalesce(m.messages, 0)
from unnest(array['due', 'later', 'held']) as states (state) left join messages m using (state)
union all
select 'outbox_oldest', '', greatest((select max(oldest) from messages), 0)
union all
select 'dead_open', '', count(*) from dead_letters where resolution is null
union all
select 'schedules_late', '', coalesce(max(extract(epoch from now() - next_fire_at)), 0)
from schedules where paused_at is null and next_fire_at < now()
union all
select 'breakers_open', d.dependency, count(b.dependency)
from unnest($1::text[]) as d (dependency)
left join breakers b on b.dependency = d.dependency and b.open_until is not null
group by d.dependency
union all
select 'alerts_open', r.rule, count(a.id)
from alert_rules r left join alerts a on a.rule = r.rule and a.resolved_at is null
group by r.rule
union all
select 'services', s.service, count(w.service)
from unnest($2::text[]) as s (service)
left join workers w on w.service = s.service and w.stopped_at is null and w.last_seen_at > now() - interval '35 seconds'
group by s.service
union all
select 'model_budget', '', case when l.day_cap_nano = 0 then 0
    else coalesce((select d.spent_nano + d.reserved_nano from model_spend_days d
        where d.day = (clock_timestamp() at time zone 'UTC')::date), 0)::float8 / l.day_cap_nano end
from agent_limits l
union all
-- Marks are written each few seconds, so that there is always a segment to be switched when its time is over.
select 'archive_late', '', case when not archives.are or (archives.every = 0 and not archives.fail) then 0
    else greatest(extract(epoch from now() - coalesce(archives.last, pg_postmaster_start_time())) - archives.every, 0) end
from (
    select current_setting('archive_mode') <> 'off' as are,
        (select setting::float8 from pg_settings where name = 'archive_timeout') as every,
        coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as fail, last_archived_time as last
    from pg_stat_archiver
) as archives
union all
select 'privacy_due', '', extract(epoch from min(due_at)) from privacy_due having count(*) > 0
union all
select 'now', '', extract(epoch from now())
