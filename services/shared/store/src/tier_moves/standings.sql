-- Where members stand: their latest membership, and when the first began.
-- $1 tenant  $2 members  $3 as of: what was bought, and runs then
select m.id as member_id, m.external_id,
    (select min(f.valid_from) from memberships f
        where f.tenant_id = $1 and f.member_id = m.id and isfinite(f.valid_from)) as joined_at,
    held.tier_id as "tier_id?", tiers.rank as "rank?", held.source as "source?", held.status as "status?",
    held.pinned as "pinned?", case when held.valid_from is not null then greatest(held.valid_from, '0001-01-01') end as "valid_from?", held.valid_to as "valid_to?",
    held.under_tier_id as "under_tier_id?", under.rank as "under_rank?", held.under_source as "under_source?",
    exists (
        select from membership_purchases p
        where p.tenant_id = $1 and p.member_id = m.id and p.tier_id = held.tier_id and p.from_at <= $3
            and p.until_at > $3) as "backed!",
    held.until_at as "until_at?", bought.tier_id as "bought_tier_id?", bought.rank as "bought_rank?",
    bought.unbroken_until_at as "bought_until?"
from members m
left join lateral (
    select ms.* from memberships ms
    where ms.tenant_id = $1 and ms.member_id = m.id
    order by ms.valid_from desc
    limit 1
) as held on true
left join tiers on tiers.tenant_id = $1 and tiers.id = held.tier_id
left join tiers under on under.tenant_id = $1 and under.id = held.under_tier_id
left join lateral (
    select p.tier_id, t.rank, p.unbroken_until_at
    from membership_purchases p
    join tiers t on t.tenant_id = $1 and t.id = p.tier_id
    where p.tenant_id = $1 and p.member_id = m.id and p.from_at <= $3 and p.until_at > $3
    order by t.rank
    limit 1
) as bought on true
where m.tenant_id = $1 and m.id = any($2)
order by m.id
