-- Cuts the members whom a monthly run is about into batches, by member id, in one statement.
-- $1 tenant  $2 parent run  $3 as of  $4 members in a batch
insert into batches (parent_run_id, seq, tenant_id, first_member_id, last_member_id, members)
select $2, seq, $1, (array_agg(member_id order by member_id))[1],
    (array_agg(member_id order by member_id))[count(*)], count(*)
from (
    select member_id, ((row_number() over (order by member_id) - 1) / $4)::integer as seq
    from tiers_held
    where tenant_id = $1
        and status = 'active'
        and valid_from <= $3 and (valid_to is null or valid_to > $3)
) as numbered
group by seq
on conflict (parent_run_id, seq) do nothing
