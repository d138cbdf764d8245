-- Ends the membership of those whose tags now say another tier, or none; and of those whom spend has placed
-- in a lower one than their tags say, for the highest wins, unless rules follow an import in this shop; or have bought
-- a lower one, or one that has ended. What a person decided by hand stays.
-- $1 tenant
update memberships ms
set valid_to = now()
from staged_members s
join members m on m.tenant_id = $1 and m.external_id = s.external_id
join tenants t on t.id = $1
left join tiers said on said.tenant_id = $1 and said.id = s.tier_id
where ms.tenant_id = $1
    and ms.member_id = m.id
    and ms.valid_to is null
    and ms.valid_from < now()
    and ((ms.source = 'import' and ms.tier_id is distinct from s.tier_id)
        or (ms.source = 'spend' and ms.status = 'active' and not t.tier_reviews_imports and said.rank < (
            select held.rank from tiers held where held.tenant_id = $1 and held.id = ms.tier_id))
        or (ms.source = 'purchase' and ms.status = 'active' and said.rank < (
            select held.rank from tiers held where held.tenant_id = $1 and held.id = ms.tier_id))
        or (ms.until_at <= now() and s.tier_id is distinct from ms.under_tier_id))
