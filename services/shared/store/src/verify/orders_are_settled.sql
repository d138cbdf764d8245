-- What is posted for each order is what it earns by all that is known of it, at the rate that is frozen on
-- it; and its settlements, entries and debts say the same.
with earned as (
    select o.external_id, o.posted_minor, o.forgone_minor, o.lots,
        floor(case when o.test or o.cancelled_at is not null
                or (o.disputed_at is not null and o.dispute_won_at is null) then 0
            else greatest(o.base_minor - coalesce(r.eligible_minor, 0), 0)::numeric * o.rate_bps / 10000 end)
            as target_minor
    from orders o
    left join (
        select order_external_id, sum(eligible_minor) as eligible_minor
        from order_refunds where tenant_id = $1 group by order_external_id
    ) as r on r.order_external_id = o.external_id
    where o.tenant_id = $1 and o.rate_bps is not null
), settled as (
    select s.order_external_id,
        sum(s.granted_minor - s.clawed_minor - s.forgone_minor - s.owed_minor) as posted_minor,
        sum(s.forgone_minor) as forgone_minor, count(s.lot) as lots,
        sum(s.granted_minor - coalesce(e.granted_minor, 0)) as granted_off,
        sum(s.clawed_minor - coalesce(e.clawed_minor, 0)) as clawed_off,
        sum(s.owed_minor - coalesce(d.owed_minor, 0)) as owed_off
    from order_settlements s
    left join (
        select operation, sum(amount_minor) filter (where kind = 'grant') as granted_minor,
            -sum(amount_minor) filter (where kind = 'clawback') as clawed_minor
        from ledger_entries where tenant_id = $1 and operation is not null group by operation
    ) as e on e.operation = s.operation
    left join (
        select operation, sum(amount_minor) as owed_minor
        from debt_entries where tenant_id = $1 and kind = 'debt_open' group by operation
    ) as d on d.operation = s.operation
    where s.tenant_id = $1
    group by s.order_external_id
)
select count(*) over () as "violations!", 'order ' || e.external_id as "subject!",
    format('earns %s, posted %s; settlements say %s; entries differ by %s granted, %s clawed, %s owed',
        e.target_minor, e.posted_minor, coalesce(s.posted_minor, 0), coalesce(s.granted_off, 0),
        coalesce(s.clawed_off, 0), coalesce(s.owed_off, 0)) as "detail!"
from earned e
left join settled s on s.order_external_id = e.external_id
where e.target_minor <> e.posted_minor
    or coalesce(s.posted_minor, 0) <> e.posted_minor or coalesce(s.forgone_minor, 0) <> e.forgone_minor
    or coalesce(s.lots, 0) <> e.lots
    or coalesce(s.granted_off, 0) <> 0 or coalesce(s.clawed_off, 0) <> 0 or coalesce(s.owed_off, 0) <> 0
order by e.external_id
limit $2
