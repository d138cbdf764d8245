-- The members of a batch's range, for the slow way that treats each alone.
select member_id as "member_id!"
from tiers_held
where tenant_id = $1
    and member_id between $2 and $3
    and status = 'active'
    and valid_from <= $4 and (valid_to is null or valid_to > $4)
    and not exists (
        select from members m where m.tenant_id = $1 and m.id = tiers_held.member_id and m.merged_into is not null)
order by member_id
