-- From when an order's pending lots can be spent, and when they end: decided once.
-- $1 tenant  $2 member  $3 order  $4 available at  $5 expires at  $6 ends at  $7 anchor date
update lots l
set available_at = $4, expires_at = $5, ends_at = $6, anchor_on = $7
from order_settlements s
where s.tenant_id = $1 and s.order_external_id = $3 and s.lot is not null
    and l.tenant_id = $1 and l.member_id = $2 and l.reason = 'cashback' and l.available_at is null
    and l.source_key = 'order:' || $3 || case when s.lot = 1 then '' else ':v' || s.lot end
