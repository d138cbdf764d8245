-- Each month's movements by currency, and what they make of what is owed. Months without any are there,
-- too.
-- $1 tenant  $2 zone  $3 whether by the time of booking
with moved as (
    select currency,
        date_trunc('month', (case when $3 then recorded_at else effective_at end) at time zone $2)::date as month,
        kind, sum(amount_minor) as amount_minor
    from ledger_entries where tenant_id = $1
    group by 1, 2, 3
), months as (
    select s.currency, generate_series(s.first, s.last, interval '1 month')::date as month
    from (select currency, min(month) as first, max(month) as last from moved group by currency) as s
), summed as (
    select m.currency, m.month,
        coalesce(sum(amount_minor) filter (where kind in ('grant', 'transfer_in')), 0) as granted_minor,
        coalesce(sum(amount_minor) filter (where kind = 'spend'), 0) as spent_minor,
        coalesce(sum(amount_minor) filter (where kind = 'spend_revert'), 0) as reverted_minor,
        coalesce(sum(amount_minor) filter (where kind = 'expire'), 0) as expired_minor,
        coalesce(sum(amount_minor) filter (where kind = 'clawback'), 0) as clawed_minor,
        coalesce(sum(amount_minor) filter (where kind = 'adjust'), 0) as adjusted_minor,
        coalesce(sum(amount_minor) filter (where kind = 'transfer_out'), 0) as transferred_minor,
        coalesce(sum(amount_minor) filter (where kind = 'debt_recover'), 0) as recovered_minor,
        coalesce(sum(amount_minor), 0) as all_minor
    from months m
    left join moved using (currency, month)
    group by m.currency, m.month
)
select currency as "currency!", month as "month!",
    (sum(all_minor) over sofar - all_minor)::bigint as "opening_minor!",
    granted_minor::bigint as "granted_minor!", spent_minor::bigint as "spent_minor!",
    reverted_minor::bigint as "reverted_minor!", expired_minor::bigint as "expired_minor!",
    clawed_minor::bigint as "clawed_minor!", adjusted_minor::bigint as "adjusted_minor!",
    transferred_minor::bigint as "transferred_minor!", recovered_minor::bigint as "recovered_minor!",
    (sum(all_minor) over sofar)::bigint as "closing_minor!"
from summed
window sofar as (partition by currency order by month)
order by currency, month
