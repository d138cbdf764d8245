-- Makes a run for each member of a batch, with its message: as runs/spawn_for_tenants.sql of the store makes one for each
-- tenant. Answers which are new.
-- $1 runs  $2 outbox ids  $3 keys  $4 inputs  $5 tenant  $6 task  $7 scheduled for
with made as (
    insert into runs (id, tenant_id, task, key, trigger, triggered_by, root_id, payload, scheduled_for)
    select n.run_id, $5, $6, n.key, 'event', 'bench', n.run_id, n.payload, $7
    from unnest($1::uuid[], $3::text[], $4::bytea[]) as n (run_id, key, payload)
    on conflict (task, tenant_id, key) do nothing
    returning id
), written as (
    insert into outbox (id, kind, run_id, next_publish_at)
    select n.outbox_id, 'job', n.run_id, now() + interval '5 seconds'
    from unnest($1::uuid[], $2::uuid[]) as n (run_id, outbox_id)
    join made on made.id = n.run_id
)
select id from made
