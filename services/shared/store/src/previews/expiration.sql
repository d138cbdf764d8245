-- What an expiration would do, or has done, added up by outcome.
-- $1 tenant  $2 as of  $3 whether to hold what happened against it
select outcome as "outcome!", null::text as "tier?", currency as "currency?", count(distinct member_id) as "members!",
    sum(amount_minor)::bigint as "amount_minor!"
from (
    select case when $3 then 'missing' else 'to_expire' end as outcome, currency, member_id,
        remaining_minor - held_at(held_minor, tenant_id, id, now()) as amount_minor
    from lots where tenant_id = $1 and ends_at <= $2 and remaining_minor > 0
        and remaining_minor > held_at(held_minor, tenant_id, id, now())
    union all
    select 'authorised', currency, member_id, held_at(held_minor, tenant_id, id, now())
    from lots where tenant_id = $1 and ends_at <= $2 and held_minor > 0
        and held_at(held_minor, tenant_id, id, now()) > 0
    union all
    select 'expired', currency, member_id, -amount_minor
    from ledger_entries where $3 and tenant_id = $1 and kind = 'expire' and effective_at <= $2
) as judged
group by outcome, currency
order by outcome, currency
