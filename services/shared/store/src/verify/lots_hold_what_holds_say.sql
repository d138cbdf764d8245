-- What is noted as held of each lot is the sum of its parts of holds that are open; and each hold's parts add
-- up to what was authorised.
select count(*) over () as "violations!", subject as "subject!", detail as "detail!"
from (
    select 'lot ' || l.id as subject,
        format('%s are noted as held, open holds add up to %s', l.held_minor, coalesce(p.amount_minor, 0)) as detail
    from lots l
    left join (
        select p.lot_id, sum(p.amount_minor) as amount_minor
        from hold_parts p
        join holds h on h.tenant_id = $1 and h.key = p.hold_key and h.state = 'authorised'
        where p.tenant_id = $1
        group by p.lot_id
    ) as p on p.lot_id = l.id
    where l.tenant_id = $1 and l.held_minor <> coalesce(p.amount_minor, 0)
    union all
    select 'hold ' || h.key,
        format('%s were authorised, its parts add up to %s', h.amount_minor, coalesce(p.amount_minor, 0))
    from holds h
    left join (
        select hold_key, sum(amount_minor) as amount_minor from hold_parts where tenant_id = $1 group by hold_key
    ) as p on p.hold_key = h.key
    where h.tenant_id = $1 and h.amount_minor <> coalesce(p.amount_minor, 0)
) as broken
order by subject
limit $2
