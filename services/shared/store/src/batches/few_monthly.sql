-- The members whom a monthly run is about, as cut_monthly.sql has them, if they are few.
-- $1 tenant  $2 as of  $3 task of the batches that they would be cut into  $4 most members
select (array_agg(member_id order by member_id))[1] as "first!", (array_agg(member_id order by member_id))[count(*)] as "last!",
    count(*)::int as "members!"
from (
    select member_id
    from tiers_held
    where tenant_id = $1
        and status = 'active'
        and valid_from <= $2 and (valid_to is null or valid_to > $2)
    limit $4::bigint + 1
) as members
where not exists (select from limits l where l.task = $3)
having count(*) between 1 and $4::bigint
