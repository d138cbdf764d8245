-- A month as this system has reckoned it against what the other one has done, member by member: those who differ, then how
-- many of each outcome there are.
-- $1 tenant  $2 period  $3 whether a file is compared with  $4 its customer ids  $5 its amounts  $6 most members listed
with theirs as (
    select i.member_id, m.external_id, i.amount_minor from imported_credits i
    join members m on m.tenant_id = $1 and m.id = i.member_id
    where not $3 and i.tenant_id = $1 and i.reason = 'monthly' and i.period = $2
    union all
    select coalesce(m.merged_into, m.id), n.external_id, sum(n.amount_minor)::bigint
    from unnest($4::text[], $5::bigint[]) as n (external_id, amount_minor)
    left join members m on m.tenant_id = $1 and m.external_id = n.external_id
    where $3
    group by 1, 2
), ours as (
    select e.member_id, m.external_id, e.amount_minor from shadow_effects e
    join members m on m.tenant_id = $1 and m.id = e.member_id
    where e.tenant_id = $1 and e.kind = 'grant' and e.key = $2
), compared as (
    select coalesce(t.member_id, o.member_id) as member_id, coalesce(t.external_id, o.external_id) as external_id,
        o.amount_minor as ours_minor, t.amount_minor as theirs_minor,
        case when o.member_id is null and t.member_id is null then 'unknown'
            when o.amount_minor is null then 'missing'
            when t.amount_minor is null then 'extra'
            when o.amount_minor <> t.amount_minor then 'different'
            else 'same' end as outcome
    from theirs t full join ours o on o.member_id = t.member_id
), summed as (
    select outcome, count(*) as members, sum(ours_minor)::bigint as ours_minor, sum(theirs_minor)::bigint as theirs_minor
    from compared group by outcome
)
(select outcome as "outcome!", null::uuid as "member_id?", null::text as "external_id?", members as "members!",
    coalesce(ours_minor, 0) as "ours_minor!", coalesce(theirs_minor, 0) as "theirs_minor!"
from summed order by outcome)
union all
(select outcome, member_id, external_id, 1, coalesce(ours_minor, 0), coalesce(theirs_minor, 0)
from compared where outcome <> 'same' order by outcome, external_id limit $6)
