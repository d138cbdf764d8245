-- Brings a chunk of credits over: for each an operation, a lot under the key that a credit of ours would have, its grant,
-- what was used of it before, the balance. In the order of members, so that two imports can't deadlock.
-- $1 tenant  $2 import  $3 currency  $4 who  $5 whether the shop knows of what is left
-- credits: $6 names  $7 members  $8 reasons  $9 periods  $10 amounts  $11 what is left  $12 granted at  $13 expires at
--   $14 ends at  $15 anchor dates  $16 ids for the lots
with asked as (
    select n.*, 'import:' || external_id as operation
    from unnest($6::text[], $7::uuid[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::timestamptz[],
        $13::timestamptz[], $14::timestamptz[], $15::date[], $16::uuid[])
        as n (external_id, member_id, reason, period, amount_minor, left_minor, granted_at, expires_at, ends_at, anchor_on,
            lot_id)
), begun as (
    insert into operations (tenant_id, key, kind, member_id, currency, amount_minor, reason, actor, effective_at, at_shop)
    select $1, operation, 'import', member_id, $3, left_minor, 'issued by the former system', $4, granted_at, $5
    from asked order by operation
    on conflict (tenant_id, key) do nothing
    returning key
), granted as (
    insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key, granted_minor, remaining_minor,
        available_at, expires_at, ends_at, anchor_on, note)
    select $1, a.lot_id, a.member_id, $3, 'promotional', case a.reason when 'monthly' then 'monthly' else 'adjusted' end,
        coalesce(a.period, a.operation), a.amount_minor, a.left_minor, a.granted_at, a.expires_at, a.ends_at, a.anchor_on,
        'issued by the former system'
    from asked a
    join begun b on b.key = a.operation
    order by a.member_id, a.lot_id
    on conflict (tenant_id, member_id, reason, source_key) do nothing
    returning id
), new as (
    select a.* from asked a join granted g on g.id = a.lot_id
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key, effective_at,
        operation)
    -- A grant is the first entry of its lot and shares its id.
    select $1, lot_id, lot_id, member_id, $3, 'grant', amount_minor, 'grant', granted_at, operation from new
    union all
    select $1, gen_random_uuid(), lot_id, member_id, $3, 'adjust', left_minor - amount_minor, 'import', granted_at, operation
    from new where left_minor < amount_minor
), balanced as (
    insert into accounts as a (tenant_id, member_id, currency, balance_minor)
    select $1, member_id, $3, sum(left_minor)::bigint from new group by member_id order by member_id
    on conflict (tenant_id, member_id, currency)
        do update set balance_minor = a.balance_minor + excluded.balance_minor
), noted as (
    insert into imported_credits (tenant_id, external_id, import_id, member_id, reason, period, lot_id, currency,
        amount_minor, left_minor)
    select $1, external_id, $2, member_id, reason, period, lot_id, $3, amount_minor, left_minor from new
)
select count(*) as "booked!" from new
