-- Claims the runs that may be tried now, in one round trip: state and fencing number, a row for
-- the attempt, and the end of their outbox rows (the message has evidently arrived).
--
-- The commit does not wait for the disk. It survives the death of any process but PostgreSQL's own;
-- if that loses it, the run is queued again with its outbox row, as if it had never been claimed. The
-- commit of the effects, which comes after, waits and takes the claim with it.
--
-- Locked rows are passed over: a frozen worker's lock must not hold up the others of a group. They are
-- locked in a step of their own, since an update computes its values before it waits for a lock: a lease
-- counted from before a long wait would be over when it begins, and whoever comes next would take the run
-- over without seeing this attempt.
-- $1 run ids  $2 worker  $3 build  $4 lease in seconds  $5 attempts by the task's policy
-- $6 what the task depends on  $7 whether they were admitted: nothing holds them back
with lazily as materialized (
    select set_config('synchronous_commit', 'off', true)
), free as materialized (
    select r.id from runs r
    -- The states say that it is unfinished. Asking for finished_at as well would let the planner take
    -- the index of unfinished runs, which is full of those that have just ended.
    where r.id = any((select $1::uuid[])::uuid[])
        and r.attempt < coalesce(r.max_attempts, r.attempt + $5)
        and (r.state = 'queued'
            -- A little early is on time: the broker's clock measured the wait.
            or (r.state in ('retrying', 'scheduled') and r.next_attempt_at <= clock_timestamp() + interval '100 milliseconds')
            or (r.state = 'running' and r.lease_expires_at < clock_timestamp()))
        -- What is read from subqueries is not seen by the planner, which keeps one plan then: for each list that it sees it makes another.
        and ((select $7::bool) or not (
            exists (select from pauses p
                where (p.tenant_id is null or p.tenant_id = r.tenant_id) and (p.task is null or p.task = r.task)
                    and (p.dependency is null or p.dependency = any((select $6::text[])::text[])))
            or exists (select from breakers b
                where b.dependency = any((select $6::text[])::text[]) and (b.tenant_id is null or b.tenant_id = r.tenant_id)
                    and b.open_until is not null)
            or exists (select from limits l
                where l.task = r.task and (l.tenant_id is null or l.tenant_id = r.tenant_id))))
    for no key update skip locked
), claimed as (
    update runs r
    set state = 'running',
        attempt = r.attempt + 1,
        max_attempts = coalesce(r.max_attempts, r.attempt + $5),
        lease_expires_at = clock_timestamp() + make_interval(secs => $4),
        next_attempt_at = null,
        started_at = coalesce(r.started_at, clock_timestamp())
    from free
    -- The ids again: a plan from the tables' first days would scan them whole for the join alone.
    where r.id = any((select $1::uuid[])::uuid[]) and r.id = free.id
    returning r.*
), lost as (
    update attempts a
    set outcome = 'lost', finished_at = clock_timestamp()
    from claimed c
    where a.run_id = any((select $1::uuid[])::uuid[]) and a.run_id = c.id and a.attempt < c.attempt and a.outcome is null
), attempted as (
    insert into attempts (run_id, attempt, worker, build, started_at)
    select id, attempt, $2, $3, clock_timestamp() from claimed
), arrived as (
    delete from outbox o using claimed c
    where o.run_id = any((select $1::uuid[])::uuid[]) and o.run_id = c.id and o.kind = 'job'
)
select c.id as "run_id!: RunId", c.tenant_id as "tenant_id: TenantId",
    -- One by one: a join might go through all tenants.
    (select t.handle from tenants t where t.id = c.tenant_id) as "tenant_handle",
    c.task as "task!", c.key as "key!", c.parent_id as "parent_id: RunId", c.root_id as "root_id!: RunId",
    c.payload as "payload!", c.scheduled_for as "scheduled_for!",
    case when c.attempt = 1
        then extract(epoch from c.started_at - greatest(c.scheduled_for, c.created_at))::float8 end as "waited_seconds",
    c.traceparent, c.attempt as "attempt!", c.max_attempts as "max_attempts!", c.urgent as "urgent!",
    exists (select from breakers k where k.dependency = any((select $6::text[])::text[])
        and (k.tenant_id is null or k.tenant_id = c.tenant_id)) as "watched!",
    b.first_member_id as "first_member_id?", b.last_member_id as "last_member_id?", b.members as "members?"
from lazily, claimed c
left join batches b on b.run_id = any((select $1::uuid[])::uuid[]) and b.run_id = c.id
