select tiers.handle as "handle!", coalesce(held.members, 0) as "members!", a.amount_minor as "amount_minor?"
from tiers
left join (
    select tier_id, count(*) as members
    from tiers_held
    where tenant_id = $1 and status = 'active' and valid_from <= $3 and (valid_to is null or valid_to > $3)
    group by tier_id
) as held on held.tier_id = tiers.id
left join tier_amounts a
    on a.tenant_id = tiers.tenant_id and a.tier_id = tiers.id and a.currency = $2
    and a.valid_from <= $3 and (a.valid_to is null or a.valid_to > $3)
where tiers.tenant_id = $1
order by tiers.rank
