-- Ends batches with what became of their members, and says which of their parents have others that are planned. Their runs have
-- ended in the same transaction.
-- $1 runs of the batches  $2 affected  $3 affected minor  $4 currencies  $5 already affected  $6 zero amount  $7 failed
-- $8 members: an array each, with a place for each batch
with done as (
    update batches b
    set state = 'done', affected = ended.affected, affected_minor = ended.affected_minor, currency = ended.currency,
        already_done = ended.already_done, exempt = ended.exempt, failed = ended.failed, members = ended.members
    from unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[], $5::int[], $6::int[], $7::int[], $8::int[])
        as ended (run_id, affected, affected_minor, currency, already_done, exempt, failed, members)
    -- The ids again: a plan from the table's first days would scan it whole for the join alone.
    where b.run_id = any((select $1::uuid[])::uuid[]) and b.run_id = ended.run_id and b.state = 'released'
    returning b.parent_run_id, b.seq
)
select parent_run_id as "parent_run_id!: RunId", done as "done!", from_seq as "from_seq!",
    -- Behind them first, as release.sql looks.
    exists (select from batches p where p.parent_run_id = parents.parent_run_id and p.state = 'planned' and p.seq >= from_seq)
        or exists (select from batches p where p.parent_run_id = parents.parent_run_id and p.state = 'planned')
        as "has_planned!"
from (select parent_run_id, count(*) as done, min(seq) as from_seq from done group by parent_run_id) as parents
