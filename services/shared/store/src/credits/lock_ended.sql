-- Locks the accounts of a batch that have something left in ended lots, in the order of their key, and
-- counts those lots. What is held of them by a hold whose time is over counts as left.
-- $1 tenant  $2 run of the batch  $3 first member  $4 last member  $5 as of
with locked as materialized (
    select a.member_id, a.currency from accounts a
    where a.tenant_id = $1 and a.member_id between $3 and $4
        and a.currency = (select currency from batches where run_id = $2)
        and exists (
            select from lots l
            where l.tenant_id = $1 and l.member_id = a.member_id and l.currency = a.currency
                and l.ends_at <= $5 and l.remaining_minor > 0
                and l.remaining_minor > held_at(l.held_minor, l.tenant_id, l.id, clock_timestamp()))
    order by a.member_id
    for update of a
)
select count(*) as "lots!", coalesce(array_agg(distinct locked.member_id), '{}') as "members!",
    (select currency from batches where run_id = $2) as "currency?"
from locked
join lots l on l.tenant_id = $1 and l.member_id = locked.member_id and l.currency = locked.currency
where l.ends_at <= $5 and l.remaining_minor > 0
