-- The lots that an order has earned, oldest first, and those that went on from them with another member: what
-- is free of each, and what of it ended or was adjusted away, so that its member never had the use of it. What
-- had ended when its member became a part of another has stayed there, and is lost.
-- $1 tenant  $2 member, as of now  $3 order
select l.id, case when l.member_id = $2 then l.remaining_minor - l.held_minor else 0 end as "free_minor!",
    coalesce((
        select -sum(e.amount_minor) from ledger_entries e
        where e.tenant_id = $1 and e.lot_id = l.id and e.kind in ('expire', 'adjust')
    ), 0)::bigint + case when l.member_id = $2 then 0 else l.remaining_minor end as "lost_minor!"
from order_lots($1, $3) as o
join lots l on l.tenant_id = $1 and l.id = o.lot_id
order by o.lot, o.step, l.id
