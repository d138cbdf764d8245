-- Each membership that spend decided has its decision, each decision its membership and its rule, and what
-- was spent by then was what the rule asked for; what was lowered was told at least 30 days before.
with judged as (
    select d.member_id, d.decided_at, case
        when r.threshold_minor is distinct from d.threshold_minor then 'the rule asks for another amount'
        when r.valid_from > d.as_of then 'the rule was not in force yet'
        -- A rule ends as of the begin of the transaction that ends it, and that may wait a little.
        when r.valid_to <= d.as_of - interval '1 minute' then 'the rule had ended'
        when d.kind = 'raised' and d.spend_minor < r.threshold_minor then 'less was spent than the rule asks for'
        when d.kind = 'raised' and exists (
            select from tier_thresholds more
            join tiers higher on higher.tenant_id = $1 and higher.id = more.tier_id
            join tiers mine on mine.tenant_id = $1 and mine.id = d.tier_id
            where more.tenant_id = $1 and more.currency = d.currency and higher.rank < mine.rank
                and more.threshold_minor <= d.spend_minor
                and more.valid_from <= d.as_of - interval '1 minute'
                and (more.valid_to is null or more.valid_to > d.as_of)) then 'a higher tier was reached'
        when d.kind <> 'raised' and d.spend_minor >= r.threshold_minor then 'what the rule asks for was spent'
        when d.kind = 'lowered' and n.member_id is null then 'no notice was given'
        when d.kind = 'lowered' and (n.given_at at time zone t.zone)::date > n.review_on - 30
            then format('notice was given %s, too late for %s', n.given_at, n.review_on)
        when d.kind = 'lowered' and d.decided_at < n.review_at then 'lowered before its date'
        when d.tier_id is not null and (ms.tier_id, ms.source) is distinct from (d.tier_id, d.source)
            then 'the membership that follows is missing, or another one'
        when d.tier_id is null and ms.member_id is not null then 'a membership follows, and none should'
        end as wrong
    from tier_decisions d
    join tenants t on t.id = d.tenant_id
    left join tier_thresholds r on r.tenant_id = $1 and r.tier_id = d.rule_tier_id and r.currency = d.currency
        and r.valid_from = d.rule_from
    left join tier_notices n on n.tenant_id = $1 and n.member_id = d.member_id and n.review_on = d.review_on
        and n.outcome = 'lowered'
    left join memberships ms on ms.tenant_id = $1 and ms.member_id = d.member_id and ms.valid_from = d.decided_at
    where d.tenant_id = $1
    union all
    select ms.member_id, ms.valid_from, 'a membership by spend without a decision'
    from memberships ms
    where ms.tenant_id = $1 and ms.source = 'spend' and not exists (
        select from tier_decisions d
        where d.tenant_id = $1 and d.member_id = ms.member_id and d.decided_at = ms.valid_from)
    -- What was reached before another tier was bought holds again when that has ended.
    and not exists (
        select from memberships bought
        where bought.tenant_id = $1 and bought.member_id = ms.member_id and bought.valid_to <= ms.valid_from
            and bought.under_source = 'spend' and bought.under_tier_id = ms.tier_id)
    union all
    select n.member_id, n.settled_at, 'a notice led to a lower tier, and nothing was lowered'
    from tier_notices n
    where n.tenant_id = $1 and n.outcome = 'lowered' and not exists (
        select from tier_decisions d
        where d.tenant_id = $1 and d.member_id = n.member_id and d.kind = 'lowered' and d.review_on = n.review_on)
)
select count(*) over () as "violations!", 'member ' || member_id as "subject!",
    format('%s: %s', decided_at, wrong) as "detail!"
from judged
where wrong is not null
order by member_id, decided_at
limit $2
