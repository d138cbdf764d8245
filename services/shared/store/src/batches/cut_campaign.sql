-- Cuts the members of a campaign for whom something is still to be done into batches, by member id, in one statement.
-- $1 tenant  $2 parent run  $3 campaign  $4 members in a batch
insert into batches (parent_run_id, seq, tenant_id, first_member_id, last_member_id, members)
select $2, seq, $1, (array_agg(member_id order by member_id))[1],
    (array_agg(member_id order by member_id))[count(*)], count(*)
from (
    select member_id, ((row_number() over (order by member_id) - 1) / $4)::integer as seq
    from campaign_members
    where tenant_id = $1 and campaign_id = $3 and arm = 'treated' and outcome is null
) as numbered
group by seq
on conflict (parent_run_id, seq) do nothing
