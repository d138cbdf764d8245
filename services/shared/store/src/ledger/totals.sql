select reason as "reason!", source_key as "source_key!", currency as "currency!", count(*) as "lots!",
    sum(granted_minor)::bigint as "granted_minor!", sum(remaining_minor)::bigint as "remaining_minor!",
    min(expires_at) as "first_expiry", min(anchor_on) as "anchor_on!"
from lots
where tenant_id = $1
group by reason, source_key, currency
order by min(anchor_on) desc, reason, source_key, currency
