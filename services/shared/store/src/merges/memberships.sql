-- What tiers two members are in.
-- $1 tenant  $2 members
select ms.member_id, ms.tier_id, t.handle as "tier!", t.rank, ms.status, ms.source, ms.until_at
from memberships ms
join tiers t on t.tenant_id = $1 and t.id = ms.tier_id
where ms.tenant_id = $1 and ms.member_id = any ($2::uuid[]) and ms.valid_to is null
