-- Members of a batch whose tier has no amount in the tenant's currency: recorded, not passed over.
insert into member_failures (tenant_id, run_id, member_id, code, reason)
select $1, $2, ms.member_id, $6, format('tier %s has no monthly amount in %s', tiers.handle, t.currency)
from tiers_held ms
join tenants t on t.id = ms.tenant_id
join tiers on tiers.tenant_id = ms.tenant_id and tiers.id = ms.tier_id
where ms.tenant_id = $1
    and ms.member_id between $3 and $4
    and ms.status = 'active'
    and ms.valid_from <= $5 and (ms.valid_to is null or ms.valid_to > $5)
    and not exists (
        select from members m where m.tenant_id = $1 and m.id = ms.member_id and m.merged_into is not null)
    and not exists (
        select from tier_amounts a
        where a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
            and a.valid_from <= $5 and (a.valid_to is null or a.valid_to > $5))
on conflict (tenant_id, run_id, member_id) do nothing
