-- Runs whose message is gone: a lease or a wait that ended a while ago and nobody came, or queued
-- without an outbox row. They get a new message (a new id, since the broker remembers old ones).
-- Each is looked up in the outbox by itself: that is empty at most times, and a plan from such a time would go through all of
-- it for each run.
-- $1 grace in seconds  $2 limit
with stranded as (
    select r.id
    from runs r
    where r.finished_at is null
        and (r.lease_expires_at < now() - make_interval(secs => $1)
            or r.next_attempt_at < now() - make_interval(secs => $1)
            or (r.state = 'queued' and r.created_at < now() - make_interval(secs => $1)))
        and (select o.id from outbox o where o.run_id = r.id limit 1) is null
    -- In no order: in that of the ids, a plan may go through all runs there are instead of those that have not ended.
    limit $2
    for update skip locked
)
insert into outbox (id, kind, run_id, next_publish_at)
select gen_random_uuid(), 'job', id, now() from stranded
