-- What was owed to members at an instant, from the entries that had taken effect by then.
-- $1 tenant  $2 at  $3 zone
select l.currency, l.value_class,
    case when l.ends_at <= $2 then 'ended' when l.available_at <= $2 then 'live' else 'pending' end as "state!",
    date_trunc('month', (l.ends_at - interval '1 microsecond') at time zone $3)::date as "expiry_month",
    count(*) as "lots!", sum(e.amount_minor)::bigint as "amount_minor!", sum(l.held_minor)::bigint as "held_minor!"
from (
    select lot_id, member_id, currency, sum(amount_minor) as amount_minor
    from ledger_entries
    where tenant_id = $1 and effective_at <= $2
    group by lot_id, member_id, currency
    having sum(amount_minor) <> 0
) as e
join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
group by 1, 2, 3, 4
order by 1, 2, 3, 4 nulls last
