-- What members have spent within spans, a row for each, in their order. An order counts by the instant at
-- which it was paid, with what of it earns, less what was refunded of it; one that is cancelled, disputed or a
-- test counts nothing. What came after $5 has not happened.
-- $1 tenant  $2 members  $3 from  $4 until  $5 as of  $6 currency
select coalesce(sum(greatest(o.base_minor - coalesce(back.eligible_minor, 0), 0)), 0)::bigint as "spend_minor!"
from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) with ordinality as w (member_id, since, until, n)
left join orders o on o.tenant_id = $1 and o.member_id = w.member_id and o.rate_bps is not null
    and o.currency = $6 and not o.test
    and o.paid_at >= coalesce(w.since, '-infinity') and o.paid_at < coalesce(w.until, 'infinity')
    and o.paid_at <= coalesce($5::timestamptz, 'infinity')
    and (o.cancelled_at <= coalesce($5::timestamptz, 'infinity')) is not true
    and (o.disputed_at <= coalesce($5::timestamptz, 'infinity')
        and (o.dispute_won_at <= coalesce($5::timestamptz, 'infinity')) is not true) is not true
left join lateral (
    -- Clamped, so that absurd refunds can't leave the range of the sum.
    select sum(least(r.eligible_minor, 1000000000000)) as eligible_minor
    from order_refunds r
    where r.tenant_id = $1 and r.order_external_id = o.external_id and r.refunded_at <= coalesce($5::timestamptz, 'infinity')
) as back on true
group by w.n
order by w.n
