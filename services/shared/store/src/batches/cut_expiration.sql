-- Cuts the members who have credit left in ended lots into batches of one currency, by member id, in one
-- statement.
-- $1 tenant  $2 parent run  $3 as of  $4 members in a batch
insert into batches (parent_run_id, seq, tenant_id, currency, first_member_id, last_member_id, members)
select $2, row_number() over (order by currency, part) - 1, $1, currency,
    (array_agg(member_id order by member_id))[1], (array_agg(member_id order by member_id))[count(*)], count(*)
from (
    select currency, member_id, (row_number() over (partition by currency order by member_id) - 1) / $4 as part
    from (
        select distinct currency, member_id from lots
        where tenant_id = $1 and ends_at <= $3 and remaining_minor > 0
            and remaining_minor > held_at(held_minor, tenant_id, id, clock_timestamp())
            -- Where Shopify ends credit, the ledger first has to follow what was used of it till then.
            and (select wallet from tenants where id = $1) <> 'shopify'
    ) as due
) as numbered
group by currency, part
on conflict (parent_run_id, seq) do nothing
