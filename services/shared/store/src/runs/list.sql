-- Runs, newest first. It is planned anew for what it is narrowed by: each has an index of its own.
select r.id as "run_id!: RunId", r.tenant_id as "tenant_id: TenantId", t.handle as "tenant_handle?",
    r.task as "task!", r.key as "key!", r.trigger as "trigger!", r.triggered_by, r.state as "state!",
    r.parent_id as "parent_id: RunId", r.root_id as "root_id!: RunId",
    r.attempt as "attempt!", r.max_attempts,
    r.error_code, r.error, r.result, r.scheduled_for as "scheduled_for!", r.created_at as "created_at!",
    r.started_at, r.finished_at, r.next_attempt_at, r.urgent as "urgent!", r.tags as "tags!",
    (select o.held_because from outbox o where o.run_id = r.id and o.held_by is not null limit 1) as "held_because?"
from runs r
left join tenants t on t.id = r.tenant_id
where ($1::uuid is null or r.id = $1)
    and ($2::uuid is null or r.parent_id = $2)
    and ($3::text is null or r.task = $3)
    and ($4::text is null or r.state = $4)
    -- What the state means for indexes that do not name it.
    and ($4::text is null or $4 in ('succeeded', 'dead', 'cancelled') or r.finished_at is null)
    and ($4::text is null or $4 not in ('dead', 'cancelled')
        or (r.finished_at is not null and r.error is not null))
    and ($5::text is null or r.tenant_id = (select id from tenants where handle = $5))
    and ($6::boolean or r.parent_id is null)
    and ($7::uuid is null or r.id < $7)
    and ($9::text is null or (r.tags <> '{}' and r.tags @> array[$9]))
    and ($10::text is null or r.key like $10)
    and ($11::timestamptz is null or r.created_at >= $11)
    and ($12::timestamptz is null or r.created_at < $12)
    -- Ids begin with the time at which they were made, by another clock.
    and ($14::uuid is null or r.id >= $14)
    and ($15::uuid is null or r.id < $15)
    and (not $13::boolean or r.finished_at is null)
    and ($16::text is null or r.trigger = $16)
    and ($17::text is null or r.error_code = $17)
order by r.id desc
limit $8
