-- The members whom a monthly run is about, as cut_monthly.sql has them, if they are few. Not asked of large tenants: all of a
-- tenant's are counted.
-- $1 tenant  $2 as of  $3 task of the batches that they would be cut into  $4 most members  $5 what that depends on
select (array_agg(member_id order by member_id))[1] as "first!", (array_agg(member_id order by member_id))[count(*)] as "last!",
    count(*)::int as "members!"
from tiers_held
where tenant_id = $1
    and status = 'active'
    and valid_from <= $2 and (valid_to is null or valid_to > $2)
    and not exists (select from limits l where l.task = $3)
    and not exists (select from breakers b where b.dependency = $5)
having count(*) between 1 and $4::bigint
