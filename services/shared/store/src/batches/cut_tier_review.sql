-- Cuts the members whose tier a review has to look at into batches, by member id, in one statement.
-- $1 tenant  $2 parent run  $3 as of  $4 since when what could raise somebody  $5 members in a batch
insert into batches (parent_run_id, seq, tenant_id, first_member_id, last_member_id, members)
select $2, seq, $1, (array_agg(member_id order by member_id))[1],
    (array_agg(member_id order by member_id))[count(*)], count(*)
from (
    select member_id, ((row_number() over (order by member_id) - 1) / $5)::integer as seq
    from tier_review_due($1, $3, $4)
) as numbered
group by seq
on conflict (parent_run_id, seq) do nothing
