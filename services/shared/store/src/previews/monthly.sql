-- What a monthly run would do, or has done, added up by outcome.
-- $1 tenant  $2 period  $3 as of  $4 whether to hold what happened against it
with members_as_of as (
    select m.id as member_id, m.external_id, tiers.handle as tier, t.currency,
        case when ms.status = 'active' then a.amount_minor end as amount_minor,
        l.granted_minor, l.currency as lot_currency,
        case when ms.status is null then 'no_tier' when ms.status <> 'active' then 'not_active'
            when a.amount_minor is null then 'no_amount' when a.amount_minor = 0 then 'zero_amount' end as reason
    from members m
    join tenants t on t.id = m.tenant_id
    left join memberships ms on ms.tenant_id = m.tenant_id and ms.member_id = m.id
        and ms.valid_from <= $3 and (ms.valid_to is null or ms.valid_to > $3)
    left join tiers on tiers.tenant_id = ms.tenant_id and tiers.id = ms.tier_id
    left join tier_amounts a
        on a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
        and a.valid_from <= $3 and (a.valid_to is null or a.valid_to > $3)
    left join lots l
        on l.tenant_id = m.tenant_id and l.member_id = m.id and l.reason = 'monthly' and l.source_key = $2
    where m.tenant_id = $1
), judged as (
    select member_id, external_id, tier,
        case
            when $4 and granted_minor is not null and reason is not null then 'unexpected'
            when $4 and granted_minor is not null and granted_minor <> amount_minor then 'other_amount'
            when $4 and granted_minor is not null then 'as_promised'
            when granted_minor is not null then 'already_granted'
            when reason is not null then reason
            when $4 then 'missing'
            else 'to_grant'
        end as outcome,
        coalesce(lot_currency, currency) as currency,
        case when granted_minor is not null then granted_minor when reason is null then amount_minor else 0 end
            as amount_minor
    from members_as_of
)
select outcome as "outcome!", tier as "tier?", currency as "currency?", count(*) as "members!",
    sum(amount_minor)::bigint as "amount_minor!"
from judged
group by outcome, tier, currency
order by outcome, tier nulls last, currency
