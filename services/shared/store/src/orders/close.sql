-- Writes down what was posted for an order.
-- $1 tenant  $2 order  $3 operation  $4 target  $5 posted before  $6 granted  $7 clawed  $8 forgone  $9 owed
-- $10 number of the settlement
with posted as (
    update orders
    set posted_minor = $4, forgone_minor = forgone_minor + $8, lots = lots + case when $6::bigint > 0 then 1 else 0 end
    where tenant_id = $1 and external_id = $2
    returning lots
)
insert into order_settlements (tenant_id, order_external_id, seq, operation, lot, target_minor,
    posted_before_minor, granted_minor, clawed_minor, forgone_minor, owed_minor)
select $1, $2, $10, $3, case when $6::bigint > 0 then posted.lots end, $4, $5, $6, $7, $8, $9
from posted
