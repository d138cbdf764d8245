-- What is to be done before the lots of locked accounts are looked at: holds whose time is over hold nothing
-- any more. Says whether one of the members has become a part of another.
-- $1 tenant  $2 members  $3 currency
with over as (
    update holds h set state = 'expired', ended_at = clock_timestamp()
    where h.tenant_id = $1 and h.member_id = any ($2::uuid[]) and h.currency = $3 and h.state = 'authorised'
        and h.capture_until <= clock_timestamp()
    returning h.key
), freed as (
    select p.lot_id, p.member_id, p.currency, sum(p.amount_minor) as amount_minor
    from over
    join hold_parts p on p.tenant_id = $1 and p.hold_key = over.key
    group by p.lot_id, p.member_id, p.currency
), lowered as (
    update lots l set held_minor = l.held_minor - freed.amount_minor
    from freed
    where l.tenant_id = $1 and l.id = freed.lot_id and l.member_id = freed.member_id and l.currency = freed.currency
)
select exists (
    select from members m where m.tenant_id = $1 and m.id = any ($2::uuid[]) and m.merged_into is not null
) as "merged!"
