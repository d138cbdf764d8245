-- Cuts the members who have an account into batches of one currency, by member id, in one statement.
-- $1 tenant  $2 parent run  $3 members in a batch  $4 task  $5 payload  $6 most at once
with plan as (
    insert into batch_plans (parent_run_id, tenant_id, task, payload, release_window)
    values ($2, $1, $4, $5, $6)
    on conflict (parent_run_id) do nothing
    returning parent_run_id
), cut as (
    insert into batches (parent_run_id, seq, tenant_id, currency, first_member_id, last_member_id, members)
    select $2, row_number() over (order by currency, part) - 1, $1, currency,
        (array_agg(member_id order by member_id))[1], (array_agg(member_id order by member_id desc))[1], count(*)
    from (
        select currency, member_id, (row_number() over (partition by currency order by member_id) - 1) / $3 as part
        from accounts
        where tenant_id = $1
    ) as numbered
    group by currency, part
    on conflict (parent_run_id, seq) do nothing
    returning seq
)
select count(*) as "planned!", exists (select from plan) as "is_first!" from cut
