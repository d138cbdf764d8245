-- A tenant's deliveries, newest first.
-- $1 tenant  $2 delivery  $3 endpoint  $4 state  $5 event  $6 happened from  $7 before  $8 limit
select d.id, d.endpoint_id, e.url, d.event, d.happened_at, d.data, d.state, d.due_at, d.sends, d.tried_at, d.took_ms,
    d.status, d.error
from deliveries d
join endpoints e on e.tenant_id = d.tenant_id and e.id = d.endpoint_id
where d.tenant_id = $1
    and ($2::uuid is null or d.id = $2)
    and ($3::uuid is null or d.endpoint_id = $3)
    and ($4::text is null or d.state = $4)
    and ($5::text is null or d.event = $5)
    and ($6::timestamptz is null or d.happened_at >= $6)
    and ($7::timestamptz is null or d.happened_at < $7)
order by d.created_at desc, d.id desc
limit $8
