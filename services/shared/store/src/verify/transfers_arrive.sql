-- What goes out of a lot to another member arrives there, lot by lot, with the same end and class; debts, too.
select count(*) over () as "violations!", subject as "subject!", detail as "detail!"
from (
    select 'lot ' || coalesce(o.lot_id, i.transferred_from) as subject,
        format('%s went out by %s, %s arrived', coalesce(o.amount_minor, 0), coalesce(o.operation, i.operation),
            coalesce(i.amount_minor, 0)) as detail
    from (
        select lot_id, operation, -sum(amount_minor) as amount_minor
        from ledger_entries where tenant_id = $1 and kind = 'transfer_out' group by lot_id, operation
    ) as o
    full join (
        select l.transferred_from, e.operation, sum(e.amount_minor) as amount_minor
        from ledger_entries e
        join lots l on l.tenant_id = $1 and l.id = e.lot_id
        where e.tenant_id = $1 and e.kind = 'transfer_in'
        group by l.transferred_from, e.operation
    ) as i on i.transferred_from = o.lot_id and i.operation = o.operation
    where o.amount_minor is distinct from i.amount_minor
    union all
    select 'lot ' || l.id, format('went on from lot %s with another end, class or currency', l.transferred_from)
    from lots l
    left join lots b on b.tenant_id = $1 and b.id = l.transferred_from
    where l.tenant_id = $1 and l.transferred_from is not null
        and ((l.value_class, l.currency) is distinct from (b.value_class, b.currency)
            -- A pending lot gets its end when it is released, wherever it is then; and a campaign lets a lot end later.
            or (b.available_at is not null and l.ends_at is distinct from b.ends_at
                and not exists (select from campaign_lots c where c.tenant_id = $1 and c.lot_id in (l.id, b.id))))
    union all
    select 'operation ' || operation, format('debts of %s went out and did not arrive', -sum(amount_minor))
    from debt_entries where tenant_id = $1 and kind in ('debt_transfer_out', 'debt_transfer_in')
    group by operation having sum(amount_minor) <> 0
) as broken
order by subject
limit $2
