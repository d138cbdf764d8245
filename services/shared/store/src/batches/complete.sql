-- Ends a batch, its run and its attempt, and releases the next planned batch of its parent: all that
-- follows the credits, in one round trip. `ended` is false when another attempt has taken over.
-- $1 run of the batch  $2 attempt  $3 affected  $4 affected minor  $5 currency  $6 already affected
-- $7 zero amount  $8 failed  $9 members  $10 parent run  $11 id for the next run  $12 id for its outbox row
with done as (
    update batches set state = 'done', affected = $3, affected_minor = $4, currency = $5,
        already_done = $6, exempt = $7, failed = $8, members = $9
    where run_id = $1 and state = 'released'
), finished as (
    update runs set state = 'succeeded', lease_expires_at = null, finished_at = clock_timestamp()
    where id = $1 and attempt = $2 and state = 'running'
    returning id
), attempted as (
    -- By $1 and not by a join: a plan from the table's first days would scan it whole.
    update attempts set outcome = 'succeeded', finished_at = clock_timestamp()
    where run_id = $1 and attempt = $2 and exists (select from finished)
), next as (
    select seq from batches
    where parent_run_id = $10 and state = 'planned'
    order by seq
    limit 1
    for update skip locked
), released as (
    update batches b set state = 'released', run_id = $11
    from next
    where b.parent_run_id = $10 and b.seq = next.seq
    returning b.seq
), created as (
    insert into runs (id, tenant_id, task, key, trigger, parent_id, root_id, payload, scheduled_for, urgent)
    select $11, plan.tenant_id, plan.task, parent.key || '/' || released.seq, 'parent',
        parent.id, parent.root_id, plan.payload, parent.scheduled_for, parent.urgent
    from released
    join batch_plans plan on plan.parent_run_id = $10
    join runs parent on parent.id = $10
    returning id, key, task, tenant_id, payload, scheduled_for, urgent
), written as (
    insert into outbox (id, kind, run_id) select $12, 'job', id from created
)
select exists (select from finished) as "ended!", c.key as "key?", c.task as "task?",
    c.payload as "payload?", c.scheduled_for as "scheduled_for?", c.urgent as "urgent?", t.id as "tenant_id?: TenantId",
    t.handle as "tenant_handle?"
from (values (1)) as one (row)
left join created c on true
left join tenants t on t.id = c.tenant_id
