-- What a member has that would go on with another: of each currency its lots with something left that has not
-- ended, what of that can't be spent yet, and what the member owes.
-- $1 tenant  $2 member
select a.currency as "currency!", a.debt_minor as "debt_minor!", count(l.id)::int as "lots!",
    coalesce(sum(l.remaining_minor), 0)::bigint as "amount_minor!",
    coalesce(sum(l.remaining_minor) filter (where (l.available_at <= clock_timestamp()) is not true), 0)::bigint
        as "pending_minor!"
from accounts a
left join lots l on l.tenant_id = $1 and l.member_id = $2 and l.currency = a.currency and l.remaining_minor > 0
    and (l.ends_at is null or l.ends_at > clock_timestamp())
where a.tenant_id = $1 and a.member_id = $2
group by a.currency, a.debt_minor
order by a.currency
