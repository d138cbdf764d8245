-- Each operation moved exactly what was asked for. Operations of orders have a check of their own.
select count(*) over () as "violations!", 'operation ' || o.key as "subject!",
    format('asked for %s %s, moved %s', o.kind, o.amount_minor, coalesce(e.amount_minor, 0)) as "detail!"
from operations o
left join (
    select operation, sum(amount_minor) filter (where kind in ('spend', 'spend_revert', 'adjust')
        or kind = 'grant' and lot_reason = 'adjusted') as amount_minor
    from (
        select e.operation, e.kind, e.amount_minor, l.reason as lot_reason
        from ledger_entries e
        join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id
            and l.currency = e.currency
        where e.tenant_id = $1 and e.operation is not null
    ) as e
    group by operation
) as e on e.operation = o.key
where o.tenant_id = $1 and o.kind in ('spend', 'spend_revert', 'adjust')
    and coalesce(e.amount_minor, 0) <> case o.kind when 'spend' then -o.amount_minor else o.amount_minor end
order by o.key
limit $2
