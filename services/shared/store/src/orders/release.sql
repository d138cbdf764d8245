-- From when an order's pending lots can be spent, and when they end: decided once.
-- $1 tenant  $2 member, as of now  $3 order  $4 available at  $5 expires at  $6 ends at  $7 anchor date
update lots l
set available_at = $4, expires_at = $5, ends_at = $6, anchor_on = $7
from order_lots($1, $3) as o
where l.tenant_id = $1 and l.id = o.lot_id and l.member_id = $2 and l.available_at is null
