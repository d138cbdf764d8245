-- Each captured hold is a spend of its amount, on lots that held it and no more of each; each other hold is none.
select count(*) over () as "violations!", 'hold ' || h.key as "subject!",
    format('is %s with %s captured, its spend is of %s, lots paid %s and at most %s of that was held of them',
        h.state, coalesce(h.captured_minor, 0), coalesce(o.amount_minor, 0), coalesce(e.paid_minor, 0),
        coalesce(e.held_minor, 0)) as "detail!"
from holds h
left join operations o on o.tenant_id = $1 and o.key = h.key and o.kind = 'spend' and o.member_id = h.member_id
    and o.currency = h.currency
left join (
    select e.operation, -sum(e.amount_minor) as paid_minor, sum(least(-e.amount_minor, p.amount_minor)) as held_minor
    from ledger_entries e
    left join hold_parts p on p.tenant_id = $1 and p.hold_key = e.operation and p.lot_id = e.lot_id
    where e.tenant_id = $1 and e.kind = 'spend' and e.operation is not null
    group by e.operation
) as e on e.operation = o.key
where h.tenant_id = $1
    and (coalesce(h.captured_minor, 0) <> coalesce(o.amount_minor, 0)
        or coalesce(h.captured_minor, 0) <> coalesce(e.paid_minor, 0)
        or coalesce(h.captured_minor, 0) <> coalesce(e.held_minor, 0)
        or (h.state = 'captured' and h.ended_at < h.authorised_at))
order by h.key
limit $2
