-- Claims the warnings of a batch: what is left of each lot now, in one mail for each member who can be
-- written to and has had none today; for the others why there is none. Who has had one today waits for
-- tomorrow. Without an address it is looked again while there is more than a day left.
-- $1 tenant  $2 run of the batch  $3 first member  $4 last member  $5 as of  $6 ids for the mails
with due as materialized (
    select l.id as lot_id, l.member_id, l.currency, l.expires_at, 
        l.remaining_minor - held_at(l.held_minor, l.tenant_id, l.id, now()) as amount_minor,
        mail_suppressed($1, l.member_id, 'credit_expiry', m.email) as suppressed,
        coalesce(m.locale, t.locale) as locale, t.zone, w.lot_id is not null as again
    from lots l
    join tenants t on t.id = l.tenant_id and t.state = 'active' and t.warns
    join members m on m.tenant_id = l.tenant_id and m.id = l.member_id
    left join warnings w on w.tenant_id = $1 and w.lot_id = l.id and w.kind = '7d' and w.expires_at = l.expires_at
    where l.tenant_id = $1 and l.member_id between $3 and $4
        and l.remaining_minor > 0 and l.remaining_minor > held_at(l.held_minor, l.tenant_id, l.id, now())
        and l.expires_at > now() and l.expires_at <= $5::timestamptz + interval '7 days'
        and l.ends_at > now() and l.available_at <= now()
        and (w.lot_id is null
            or (w.suppressed = 'no_email' and m.email is not null and l.expires_at > now() + interval '24 hours'))
), receivers as (
    select member_id, min(locale) as locale, min(zone) as zone, row_number() over (order by member_id) as n
    from due
    where suppressed is null
    group by member_id
), written as (
    insert into digests (tenant_id, id, member_id, day, locale, zone, run_id)
    select $1, coalesce(($6::uuid[])[r.n], gen_random_uuid()), r.member_id, (now() at time zone 'UTC')::date, r.locale, r.zone, $2
    from receivers r
    order by r.member_id
    on conflict (tenant_id, member_id, day) where campaign_id is null do nothing
    returning id, member_id
), claimed as (
    insert into warnings as w (tenant_id, lot_id, kind, expires_at, member_id, currency, suppressed, digest_id,
        amount_minor, run_id)
    select $1, due.lot_id, '7d', due.expires_at, due.member_id, due.currency, due.suppressed, written.id,
        due.amount_minor, $2
    from due
    left join written on written.member_id = due.member_id and due.suppressed is null
    where written.id is not null or (due.suppressed is not null and not due.again)
    order by due.lot_id
    on conflict (tenant_id, lot_id, kind, expires_at) do update
    set suppressed = null, digest_id = excluded.digest_id, amount_minor = excluded.amount_minor,
        run_id = excluded.run_id, claimed_at = now()
    where w.suppressed = 'no_email' and excluded.digest_id is not null
    returning w.member_id, w.digest_id
)
select count(distinct member_id) filter (where digest_id is not null)::int as "written!",
    count(distinct member_id) filter (where digest_id is null)::int as "suppressed!"
from claimed
