-- Locks the accounts of a batch that a run has granted something, in the order of their key, and counts
-- its lots.
-- $1 tenant  $2 run of the batch  $3 first member  $4 last member  $5 the run that has granted
with locked as materialized (
    select a.member_id, a.currency from accounts a
    where a.tenant_id = $1 and a.member_id between $3 and $4
        and a.currency = (select currency from batches where run_id = $2)
        and exists (
            select from lots l join runs r on r.id = l.run_id
            where l.tenant_id = $1 and l.member_id = a.member_id and l.currency = a.currency
                and (r.id = $5 or r.parent_id = $5 or r.root_id = $5))
    order by a.member_id
    for update of a
)
select count(*) as "lots!", coalesce(array_agg(distinct locked.member_id), '{}') as "members!",
    (select currency from batches where run_id = $2) as "currency?"
from locked
join lots l on l.tenant_id = $1 and l.member_id = locked.member_id and l.currency = locked.currency
join runs r on r.id = l.run_id
where r.id = $5 or r.parent_id = $5 or r.root_id = $5
