-- The lots that an order has earned, oldest first: what is free of each, and what of it ended or was
-- adjusted away, so that its member never had the use of it.
-- $1 tenant  $2 member  $3 order
select l.id, l.remaining_minor - l.held_minor as "free_minor!",
    coalesce((
        select -sum(e.amount_minor) from ledger_entries e
        where e.tenant_id = $1 and e.lot_id = l.id and e.kind in ('expire', 'adjust')
    ), 0)::bigint as "lost_minor!"
from order_settlements s
join lots l on l.tenant_id = $1 and l.member_id = $2 and l.reason = 'cashback'
    and l.source_key = 'order:' || $3 || case when s.lot = 1 then '' else ':v' || s.lot end
where s.tenant_id = $1 and s.order_external_id = $3 and s.lot is not null
order by s.lot
