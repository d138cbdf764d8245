-- Ends the membership of those whose tags now say another tier, or none. What a person decided by
-- hand stays.
-- $1 tenant
update memberships ms
set valid_to = now()
from staged_members s
join members m on m.tenant_id = $1 and m.external_id = s.external_id
where ms.tenant_id = $1
    and ms.member_id = m.id
    and ms.valid_to is null
    and ms.source = 'import'
    and ms.valid_from < now()
    and ms.tier_id is distinct from s.tier_id
