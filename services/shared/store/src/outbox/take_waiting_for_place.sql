-- $1 tenant  $2 task  $3 how many
with next as materialized (
    select o.id from outbox o join runs r on r.id = o.run_id
    where o.held_by = 'limit' and r.tenant_id = $1 and r.task = $2
    order by r.urgent desc, r.id
    limit $3
    for update of o skip locked
), taken as (
    update outbox o
    set held_by = null, held_because = null, next_publish_at = now() + interval '5 seconds', let_go_at = now()
    where o.id = any(array(select id from next))
    returning o.id, o.run_id
)
select taken.id as "outbox_id!", r.id as "run_id!: RunId", r.task as "task!", r.key as "key!",
    r.scheduled_for as "scheduled_for!", r.payload as "payload!", r.urgent as "urgent!",
    r.tenant_id as "tenant_id!: TenantId", (select t.handle from tenants t where t.id = r.tenant_id) as "tenant_handle!"
-- The ids again, as in take_overdue.sql.
from taken join runs r on r.id = any(array(select run_id from taken)) and r.id = taken.run_id
