-- Tiers that have no amount in a currency as of an instant, and that active members hold, with how many do. Nobody is counted
-- for a tier that has one, which is all of them at most shops: members are many.
-- $1 tenant  $2 currency  $3 as of
select handle as "tier!", members as "members!"
from (
    select t.handle, t.rank, (
        select count(*) from tiers_held h
        where h.tenant_id = $1 and h.tier_id = t.id and h.status = 'active'
            and h.valid_from <= $3 and (h.valid_to is null or h.valid_to > $3)
    ) as members
    from tiers t
    where t.tenant_id = $1
        and not exists (
            select from tier_amounts a
            where a.tenant_id = $1 and a.tier_id = t.id and a.currency = $2
                and a.valid_from <= $3 and (a.valid_to is null or a.valid_to > $3))
    offset 0
) as without_amount
where members > 0
order by rank
