-- The next events to be replayed, in the order in which they were received, each with the state of its run.
-- $1 tenant  $2 received from  $3 received before  $4 source  $5 topic  $6 order or customer  $7 these
-- $8 after the one received then  $9 and of this id  $10 limit
select e.id, e.source, e.topic, e.event_id, e.occurred_at, e.received_at, e.content_type, e.body,
    r.state as "run_state?"
from events e
left join runs r on r.id = e.run_id
where e.tenant_id = $1 and e.state <> 'duplicate' and e.received_at >= $2 and e.received_at < $3
    and ($4::text is null or e.source = $4)
    and ($5::text is null or e.topic = $5)
    and ($6::text is null or e.resource = $6 or e.customer = $6)
    and (cardinality($7::uuid[]) = 0 or e.id = any($7))
    and ($8::timestamptz is null or (e.received_at, e.id) > ($8, $9::uuid))
order by e.received_at, e.id
limit $10
