-- What issue_monthly.sql would do now, without doing it. Arguments as there.
-- $1 tenant  $2 first member  $3 last member  $4 period  $5 as of
select count(*)::int as "members!",
    count(*) filter (where l.id is not null)::int as "already_granted!",
    count(*) filter (where l.id is null and a.amount_minor > 0)::int as "to_grant!",
    coalesce(sum(a.amount_minor) filter (where l.id is null), 0)::bigint as "to_grant_minor!",
    count(*) filter (where a.amount_minor is null)::int as "without_amount!",
    (select currency from tenants where id = $1) as "currency!"
from tiers_held ms
join tenants t on t.id = ms.tenant_id
left join tier_amounts a
    on a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
    and a.valid_from <= $5 and (a.valid_to is null or a.valid_to > $5)
left join lots l
    on l.tenant_id = ms.tenant_id and l.member_id = ms.member_id and l.reason = 'monthly' and l.source_key = $4
where ms.tenant_id = $1
    and ms.member_id between $2 and $3
    and ms.status = 'active'
    and ms.valid_from <= $5 and (ms.valid_to is null or ms.valid_to > $5)
    and not exists (
        select from members m where m.tenant_id = $1 and m.id = ms.member_id and m.merged_into is not null)
