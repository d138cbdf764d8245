-- Whoever has bought a membership that runs is in a tier at least as high, unless a person has decided otherwise; nobody
-- is in a tier for having bought it without such a purchase; nothing was bought by an order that counts for nothing.
with running as (
    select p.member_id, t.id as tier_id, t.rank from membership_purchases p
    join tiers t on t.tenant_id = $1 and t.id = p.tier_id
    where p.tenant_id = $1 and p.from_at <= now() and p.until_at > now()
), latest as (
    select distinct on (ms.member_id) ms.member_id, ms.status, ms.pinned, ms.source, ms.valid_from, ms.valid_to, t.rank
    from memberships ms
    join tiers t on t.tenant_id = $1 and t.id = ms.tier_id
    where ms.tenant_id = $1
    order by ms.member_id, ms.valid_from desc
), wrong as (
    select r.member_id, 'has bought a tier that runs, and is in none, or in a lower one' as what
    from running r
    join members m on m.tenant_id = $1 and m.id = r.member_id and m.merged_into is null
    left join latest l on l.member_id = r.member_id
    where l.member_id is null or l.status = 'active' and not l.pinned and l.source <> 'manual' and (l.rank > r.rank or l.valid_to <= now())
        -- The review of the day follows what begins by itself.
        and l.valid_from < now() - interval '2 days'
    union all
    select ms.member_id, 'is in a tier for having bought it, and has bought none that runs'
    from memberships ms
    where ms.tenant_id = $1 and ms.source = 'purchase' and ms.valid_to is null and ms.until_at > now()
        and not exists (
            select from running r where r.member_id = ms.member_id and r.tier_id = ms.tier_id)
    union all
    select p.member_id, format('has bought a tier by order %s, which counts for nothing', o.external_id)
    from membership_purchases p
    join orders o on o.tenant_id = $1 and o.external_id = p.order_external_id
    join tenants t on t.id = $1 and t.state = 'active'
    where p.tenant_id = $1 and p.months > 0
        and (o.test or o.cancelled_at is not null or o.disputed_at is not null and o.dispute_won_at is null)
)
select count(*) over () as "violations!", 'member ' || member_id as "subject!", what as "detail!"
from wrong
order by member_id, what
limit $2
