-- Gives each of these credits, as grant.sql gives one: the unique keys on lots decide, and it says of each what it
-- found. Accounts are locked in the order of their members, whoever else locks several does so, too.
-- $1 tenant  $2 runs  $3 customer ids  $4 amounts  $5 currencies  $6 classes of value  $7 source keys, each once
-- $8 notes  $9 available at  $10 expire at  $11 ids for the lots  $12 anchor dates  $13 end at
with asked as (
    select a.*
    -- From subqueries: for arrays that it sees PostgreSQL makes a plan of their length, and never keeps one.
    from unnest((select $2::uuid[]), (select $3::text[]), (select $4::bigint[]), (select $5::text[]), (select $6::text[]),
            (select $7::text[]), (select $8::text[]), (select $9::timestamptz[]), (select $10::timestamptz[]),
            (select $11::uuid[]), (select $12::date[]), (select $13::timestamptz[]))
        with ordinality
        as a (run_id, customer, amount_minor, currency, value_class, source_key, note, available_at, expires_at,
            lot_id, anchor_on, ends_at, place)
), found as (
    -- Who has become a part of another member is that one.
    select a.*, t.state, t.currency as kept_in, coalesce(m.merged_into, m.id) as member_id
    from asked a
    join tenants t on t.id = $1
    -- The ids again, so that whole shops are not read for a few.
    left join members m on m.tenant_id = $1 and m.external_id = any((select $3::text[])::text[]) and m.external_id = a.customer
), granted as (
    insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key,
        granted_minor, remaining_minor, available_at, expires_at, ends_at, anchor_on, run_id, note)
    select $1, lot_id, member_id, currency, value_class, 'granted', source_key, amount_minor, amount_minor,
        available_at, expires_at, ends_at, anchor_on, run_id, note
    from found
    where state = 'active' and currency = kept_in and member_id is not null
    on conflict do nothing
    returning id, member_id, currency, granted_minor, available_at, run_id
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id)
    -- A grant is the first entry of its lot and shares its id.
    select $1, id, id, member_id, currency, 'grant', granted_minor, 'grant', available_at, run_id from granted
), balanced as (
    insert into accounts as a (tenant_id, member_id, currency, balance_minor)
    select $1, member_id, currency, sum(granted_minor)::bigint
    from granted
    group by member_id, currency
    order by member_id
    on conflict (tenant_id, member_id, currency)
        do update set balance_minor = a.balance_minor + excluded.balance_minor
    returning member_id, debt_minor
)
select f.state as "state!", f.kept_in as "currency!", f.member_id as "member_id?", g.id is not null as "is_new!",
    coalesce(b.merged_into, l.member_id) as "before_member_id?", l.granted_minor as "before_minor?",
    -- An array, since the planner would compare each with each of a few.
    coalesce(g.member_id = any(array(select member_id from balanced where debt_minor > 0)), false) as "owes!"
from found f
left join granted g on g.id = f.lot_id
-- Looked for only of those that were not granted now, and one by one: while lots are few, the planner may take another
-- index for it, and go on reading all of a shop's lots when they are many.
left join lateral (
    select l.member_id, l.granted_minor
    from lots l
    where g.id is null and l.tenant_id = $1 and l.reason = 'granted' and l.source_key = f.source_key
    limit 1
) as l on true
left join members b on b.tenant_id = $1 and b.id = l.member_id
order by f.place
