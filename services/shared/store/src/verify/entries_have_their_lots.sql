select count(*) over () as "violations!", subject as "subject!", detail as "detail!"
from (
    select 'entry ' || e.id as subject,
        format('of lot %s, which is not one of member %s in %s', e.lot_id, e.member_id, e.currency) as detail
    from ledger_entries e
    left join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
    where e.tenant_id = $1 and l.id is null
    union all
    select 'lot ' || l.id, format('member %s has no account in %s', l.member_id, l.currency)
    from lots l
    left join accounts a on a.tenant_id = $1 and a.member_id = l.member_id and a.currency = l.currency
    where l.tenant_id = $1 and a.member_id is null
) as broken
order by subject
limit $2
