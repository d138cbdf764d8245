-- What was taken from lots for debts is what the debts went down by, lot by lot, and never from paid value.
select count(*) over () as "violations!", 'lot ' || coalesce(e.lot_id::text, d.lot_id) as "subject!",
    case when e.value_class = 'paid' then 'is paid value, and was taken for a debt'
        else format('gave %s for a debt, the debt went down by %s', coalesce(-e.amount_minor, 0),
            coalesce(-d.amount_minor, 0))
    end as "detail!"
from (
    select e.lot_id, e.amount_minor, l.value_class
    from ledger_entries e
    join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
    where e.tenant_id = $1 and e.kind = 'debt_recover'
) as e
full join (
    select substr(key, length('debt_recover:') + 1) as lot_id, amount_minor
    from debt_entries where tenant_id = $1 and kind = 'debt_recover'
) as d on d.lot_id = e.lot_id::text
where e.amount_minor is distinct from d.amount_minor or e.value_class = 'paid'
order by coalesce(e.lot_id::text, d.lot_id)
limit $2
