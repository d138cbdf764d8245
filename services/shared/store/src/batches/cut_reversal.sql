-- Cuts the members whom a run has granted something into batches of one currency, by member id.
-- $1 tenant  $2 parent run  $3 the run that has granted  $4 members in a batch
insert into batches (parent_run_id, seq, tenant_id, currency, first_member_id, last_member_id, members)
select $2, row_number() over (order by currency, part) - 1, $1, currency,
    (array_agg(member_id order by member_id))[1], (array_agg(member_id order by member_id))[count(*)], count(*)
from (
    select currency, member_id, (row_number() over (partition by currency order by member_id) - 1) / $4 as part
    from (
        select distinct l.currency, l.member_id
        from lots l
        -- One by one, so that each is asked of its index: for a choice between them, all runs would be read.
        where l.tenant_id = $1 and l.run_id in (
            select id from runs where id = $3
            union all
            select id from runs where parent_id = $3
            union all
            select id from runs where root_id = $3 and root_id <> id)
    ) as granted
) as numbered
group by currency, part
on conflict (parent_run_id, seq) do nothing
