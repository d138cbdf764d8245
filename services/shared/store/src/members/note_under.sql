-- Notes what the tags say under a membership that spend has raised or that was bought, so that it is left when that
-- no longer holds. What a person had decided, or spend has reached, stays under it.
-- $1 tenant
update memberships ms
set under_tier_id = s.tier_id, under_source = case when s.tier_id is not null then 'import' end
from staged_members s
join members m on m.tenant_id = $1 and m.external_id = s.external_id
join tenants t on t.id = $1
where ms.tenant_id = $1
    and ms.member_id = m.id
    and ms.valid_to is null
    and ms.source in ('spend', 'purchase')
    and coalesce(ms.under_source, 'import') = 'import'
    and ms.under_tier_id is distinct from s.tier_id
    and not t.tier_reviews_imports
