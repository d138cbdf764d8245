-- What earlier attempts of a run have left `sending`: nobody knows whether it was sent. Each is that
-- member's failure.
-- $1 tenant  $2 run  $3 attempt  $4 code  $5 what to say
with lost as (
    update digests set state = 'unknown', ended_at = now(), error_code = $4, error = $5
    where tenant_id = $1 and sender_run_id = $2 and sender_attempt < $3 and state = 'sending'
    returning member_id
), recorded as (
    insert into member_failures (tenant_id, run_id, member_id, code, reason)
    select distinct $1::bigint, $2::uuid, member_id, $4::text, $5::text from lost
    on conflict (tenant_id, run_id, member_id) do nothing
)
select count(*) as "lost!" from lost
