-- What a monthly run of a period does to each member, or has done: one rule for the totals and for the list.
-- With what happened held against it, a lot that is there is judged by what was promised.
create function monthly_outcomes(of_tenant bigint, of_period text, as_of timestamptz, happened boolean)
    returns table (member_id uuid, external_id text, tier text, outcome text, currency text, amount_minor bigint)
    language sql stable parallel safe
begin atomic
with members_as_of as (
    select m.id as member_id, m.external_id, tiers.handle as tier, t.currency,
        case when ms.status = 'active' then a.amount_minor end as amount_minor,
        l.granted_minor, l.currency as lot_currency,
        case when ms.status is null then 'no_tier' when ms.status <> 'active' then 'not_active'
            when a.amount_minor is null then 'no_amount' when a.amount_minor = 0 then 'zero_amount' end as reason
    from members m
    join tenants t on t.id = m.tenant_id
    left join memberships ms on ms.tenant_id = m.tenant_id and ms.member_id = m.id
        and ms.valid_from <= as_of and (ms.valid_to is null or ms.valid_to > as_of)
    left join tiers on tiers.tenant_id = ms.tenant_id and tiers.id = ms.tier_id
    left join tier_amounts a
        on a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
        and a.valid_from <= as_of and (a.valid_to is null or a.valid_to > as_of)
    left join lots l
        on l.tenant_id = m.tenant_id and l.member_id = m.id and l.reason = 'monthly' and l.source_key = of_period
    where m.tenant_id = of_tenant
        -- Who has become a part of another member gets nothing any more, and keeps what was granted before.
        and (m.merged_into is null or l.id is not null)
)
select member_id, external_id, tier,
    case
        when happened and granted_minor is not null and reason is not null then 'unexpected'
        when happened and granted_minor is not null and granted_minor <> amount_minor then 'other_amount'
        when happened and granted_minor is not null then 'as_promised'
        when granted_minor is not null then 'already_granted'
        when reason is not null then reason
        when happened then 'missing'
        else 'to_grant'
    end as outcome,
    coalesce(lot_currency, currency) as currency,
    case when granted_minor is not null then granted_minor when reason is null then amount_minor else 0 end
        as amount_minor
from members_as_of;
end;
grant execute on function monthly_outcomes to tradeup_app;
