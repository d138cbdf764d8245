-- Credits given one by one are added up by where they come from: a line for each would be no total.
select reason as "reason!", source as "source_key!", currency as "currency!", count(*) as "lots!",
    sum(granted_minor)::bigint as "granted_minor!", sum(remaining_minor)::bigint as "remaining_minor!",
    min(expires_at) as "first_expiry", min(anchor_on) as "anchor_on!"
from lots
cross join lateral (
    select case when reason = 'granted' then regexp_replace(source_key, '^(event:[^:]*|[^:]*):.*$', '\1')
        else source_key end as source
) as s
where tenant_id = $1
group by reason, source, currency
order by min(anchor_on) desc, reason, source, currency
