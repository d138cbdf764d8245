-- What was owed to members at an instant, from the entries that had taken effect by then. What checkouts had
-- authorised then is on lines of its own.
-- $1 tenant  $2 at  $3 zone
with left_of as (
    select lot_id, member_id, currency, sum(amount_minor) as amount_minor
    from ledger_entries
    where tenant_id = $1 and effective_at <= $2
    group by lot_id, member_id, currency
    having sum(amount_minor) <> 0
), held as (
    select p.lot_id, sum(p.amount_minor) as amount_minor
    from holds h
    join hold_parts p on p.tenant_id = $1 and p.hold_key = h.key
    where h.tenant_id = $1 and h.authorised_at <= $2 and h.capture_until > $2
        and (h.ended_at is null or h.ended_at > $2)
    group by p.lot_id
), lines as (
    select l.currency, l.value_class,
        case when l.ends_at <= $2 then 'ended' when l.available_at <= $2 then 'live' else 'pending' end as state,
        date_trunc('month', (l.ends_at - interval '1 microsecond') at time zone $3)::date as expiry_month,
        e.amount_minor, coalesce(h.amount_minor, 0) as held_minor
    from left_of e
    join lots l on l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
    left join held h on h.lot_id = e.lot_id
)
select currency as "currency!", value_class as "value_class!", state as "state!", expiry_month as "expiry_month",
    count(*) as "lots!", sum(amount_minor)::bigint as "amount_minor!"
from (
    select currency, value_class, state, expiry_month, amount_minor - held_minor as amount_minor from lines
    union all
    select currency, value_class, 'authorised', expiry_month, held_minor from lines
) as split
where amount_minor <> 0
group by currency, value_class, state, expiry_month
order by currency, value_class, state, expiry_month nulls last
