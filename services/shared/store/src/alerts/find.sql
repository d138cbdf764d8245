-- What one rule finds, from the engine's own tables.
-- $1 rule  $2 threshold  $3 services that have to run
select subject as "subject!", summary as "summary!", page as "page!"
from (
    select s.name || coalesce(' of ' || t.handle, '') as subject,
        format('Schedule %s%s was due at %s UTC and has not fired.', s.name, ' of ' || t.handle,
            to_char(s.next_fire_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')) as summary, '/schedules' as page
    from schedules s left join tenants t on t.id = s.tenant_id
    where $1 = 'missed_schedule' and s.paused_at is null and s.next_fire_at < now() - make_interval(secs => $2)
    union all
    select s.name || coalesce(' of ' || t.handle, '') || ' ' || to_char(d.fire_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        format('Schedule %s%s did not fire at %s UTC: nobody was there, and by its rule it is not made up for.', s.name,
            ' of ' || t.handle, to_char(d.fire_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')), '/schedules'
    from fire_decisions d join schedules s on s.id = d.schedule_id left join tenants t on t.id = s.tenant_id
    where $1 = 'missed_schedule' and d.decision in ('missed', 'skipped') and d.decided_at > now() - interval '1 day'
    union all
    select fingerprint, format('%s dead letter%s of %s: %s.', count(*), case when count(*) > 1 then 's' end,
        coalesce(min(task), 'messages that can''t be read'), min(code)), '/dead/' || fingerprint
    from dead_letters
    where $1 = 'dead_letters' and resolution is null
    group by fingerprint
    having count(*) >= $2
    union all
    select task, format('%s of %s attempts of %s failed within 15 minutes.', failed, ended, task),
        '/runs?state=retrying&all=1&task=' || task
    from (
        select task, count(*) as ended, count(*) filter (where outcome in ('failed', 'dead', 'lost')) as failed
        from (
            select r.task, a.outcome
            from runs r join attempts a on a.run_id = r.id
            -- Ids begin with the time at which they were made.
            where $1 = 'error_rate' and a.finished_at > now() - interval '15 minutes'
                and r.id > (lpad(to_hex((extract(epoch from now() - interval '1 day') * 1000)::bigint), 12, '0')
                    || '00000000000000000000')::uuid
            union all
            -- What succeeded at the first try.
            select r.task, 'succeeded'
            from runs r
            where $1 = 'error_rate' and r.finished_at > now() - interval '15 minutes' and r.worker is not null
        ) as attempted
        group by task
    ) as tried
    where ended >= 20 and failed * 100 >= ended * $2
    union all
    select task, format('%s runs of %s wait to be worked on, the oldest since %s UTC.', count(*), task,
        to_char(min(since) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')), '/runs?state=queued&all=1&task=' || task
    from (
        -- What was held back, since it was let go.
        select r.task, greatest(r.created_at, r.scheduled_for,
            (select max(o.let_go_at) from outbox o where o.run_id = r.id)) as since
        from runs r
        where $1 = 'backlog_age' and r.finished_at is null and r.state = 'queued' and r.attempt = 0
            -- All shops' proofs begin at once, and wait for each other.
            and r.task <> 'ledger-verification-tenant'
            -- What a person or a rule holds back waits as it should.
            and not exists (select from outbox o where o.run_id = r.id and o.held_by is not null)
    ) as waiting
    where since < now() - make_interval(secs => $2)
    group by task
    union all
    select wanted, format('No process of %s has been seen for %s seconds.', wanted, $2), '/'
    from unnest($3::text[]) as wanted
    where $1 = 'service_down' and not exists (
        select from workers w
        where w.service = wanted and w.stopped_at is null and w.last_seen_at > now() - make_interval(secs => $2))
) as found
order by subject
