-- A delivery that only tests its endpoint.
-- $1 tenant  $2 id  $3 endpoint
insert into deliveries (tenant_id, id, endpoint_id, event, source_key, happened_at, data)
values ($1, $2::uuid, $3::uuid, 'ping', ($2::uuid)::text, clock_timestamp(), jsonb_build_object('endpoint_id', $3::uuid))
