-- A member's memberships without a gap between them, the one that is open first: which a rule has raised
-- within the window, and what counted then.
-- $1 tenant  $2 member  $3 begin of the window
with recursive chain as (
    select ms.* from memberships ms
    where ms.tenant_id = $1 and ms.member_id = $2 and ms.valid_to is null
    union all
    select before.* from chain
    join memberships before
        on before.tenant_id = $1 and before.member_id = $2 and before.valid_to = chain.valid_from
)
select chain.tier_id as "tier_id!", tiers.rank, greatest(chain.valid_from, '0001-01-01') as "valid_from!",
    coalesce(d.kind = 'raised' and d.decided_at >= coalesce($3::timestamptz, '-infinity'), false) as "raised!",
    d.window_from as "window_from?", d.threshold_minor as "threshold_minor?"
from chain
join tiers on tiers.tenant_id = $1 and tiers.id = chain.tier_id
left join tier_decisions d on d.tenant_id = $1 and d.member_id = $2 and d.decided_at = chain.valid_from
order by chain.valid_from desc
