-- Records an event, once for its source and id.
-- $1 tenant  $2 id  $3 source  $4 topic  $5 publisher's id  $6 occurred at  $7 media type  $8 body  $9 state
-- $10 run  $11 the event that it repeats  $12 resource  $13 customer  $14 act
insert into events (tenant_id, id, source, topic, event_id, occurred_at, content_type, body, state, run_id,
    duplicate_of, resource, customer, action_id, body_sha256)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, sha256($8))
on conflict (tenant_id, source, event_id) do nothing
