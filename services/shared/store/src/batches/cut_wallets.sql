-- Cuts the members who have an account into batches of one currency, by member id, in one statement.
-- $1 tenant  $2 parent run  $3 members in a batch
insert into batches (parent_run_id, seq, tenant_id, currency, first_member_id, last_member_id, members)
select $2, row_number() over (order by currency, part) - 1, $1, currency,
    (array_agg(member_id order by member_id))[1], (array_agg(member_id order by member_id))[count(*)], count(*)
from (
    select currency, member_id, (row_number() over (partition by currency order by member_id) - 1) / $3 as part
    from accounts
    where tenant_id = $1
) as numbered
group by currency, part
on conflict (parent_run_id, seq) do nothing
