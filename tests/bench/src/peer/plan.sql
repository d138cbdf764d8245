-- Cuts a shop's members into batches of 100, as batches/cut_monthly.sql of the store does with the product's own. Members
-- of the comparison are numbers; a batch's bounds are ids of 128 bits.
-- $1 tenant  $2 parent run  $3 members up to this number
insert into batches (parent_run_id, seq, tenant_id, first_member_id, last_member_id, members)
select $2, seq, $1, lpad(to_hex(min(member_id)), 32, '0')::uuid, lpad(to_hex(max(member_id)), 32, '0')::uuid, count(*)
from (
    select member_id, ((row_number() over (order by member_id) - 1) / 100)::integer as seq
    from loyalty.members
    where tenant_id = $1 and member_id <= $3
) as numbered
group by seq
on conflict (parent_run_id, seq) do nothing
