-- A tenant's events, newest first, each with the run that followed.
-- $1 tenant  $2 event  $3 state  $4 source  $5 topic  $6 limit  $7 resource or customer
select e.id, t.handle as "tenant_handle!", e.source, e.topic, e.event_id, e.occurred_at, e.received_at,
    e.content_type, e.state, e.resource, e.duplicate_of, e.erased_at, e.run_id as "run_id: RunId", r.state as "run_state?",
    r.error_code as "run_error_code?", r.error as "run_error?"
from events e
join tenants t on t.id = e.tenant_id
left join runs r on r.id = e.run_id
where e.tenant_id = $1
    and ($2::uuid is null or e.id = $2)
    and ($3::text is null or e.state = $3)
    and ($4::text is null or e.source = $4)
    and ($5::text is null or e.topic = $5)
    and ($7::text is null or e.resource = $7 or e.customer = $7)
order by e.id desc
limit $6
