-- Batches that their runs have done themselves, one each, and their plans: as what was cut, released and completed would look.
-- $1 runs  $2 tenants  $3 tasks  $4 payloads  $5 windows  $6 first members  $7 last members  $8 members  $9 affected
-- $10 affected minor  $11 currencies  $12 already affected  $13 zero amount  $14 failed: an array each, with a place for each run
with planned as (
    insert into batch_plans (parent_run_id, tenant_id, task, payload, release_window)
    select * from unnest((select $1::uuid[]), (select $2::bigint[]), (select $3::text[]), (select $4::bytea[]), (select $5::integer[]))
)
insert into batches (parent_run_id, seq, tenant_id, first_member_id, last_member_id, members, state, run_id, currency, affected,
    affected_minor, already_done, exempt, failed)
select run_id, 0, tenant_id, first_member_id, last_member_id, members, 'done', run_id, currency, affected, affected_minor,
    already_done, exempt, failed
from unnest((select $1::uuid[]), (select $2::bigint[]), (select $6::uuid[]), (select $7::uuid[]), (select $8::integer[]),
    (select $9::integer[]), (select $10::bigint[]), (select $11::text[]), (select $12::integer[]), (select $13::integer[]),
    (select $14::integer[]))
    as own (run_id, tenant_id, first_member_id, last_member_id, members, affected, affected_minor, currency, already_done, exempt,
        failed)
