-- Books movements on one account, which is locked: new lots, entries, what is left of lots, the debt, the
-- balance.
-- $1 tenant  $2 member  $3 currency  $4 run  $5 operation  $6 effective at
-- new lots: $7 ids  $8 classes  $9 reasons  $10 source keys  $11 granted  $12 remaining  $13 available at
--   $14 expires at  $15 ends at  $16 anchor dates  $17 notes
-- lots that are there: $18 ids  $19 amounts
-- entries, in order: $20 ids  $21 lots  $22 kinds  $23 amounts  $24 keys  $25 effective at
-- debt: $26 ids  $27 kinds  $28 amounts  $29 keys
-- $30 sum of the entries  $31 sum of the debt
-- new lots again: $32 the lot that each goes on from  $33 the run that has granted it  $34 when it began
with begun as (
    insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key, granted_minor,
        remaining_minor, available_at, expires_at, ends_at, anchor_on, note, run_id, transferred_from, created_at)
    select $1, n.id, $2, $3, n.value_class, n.reason, n.source_key, n.granted_minor, n.remaining_minor,
        n.available_at, n.expires_at, n.ends_at, n.anchor_on, n.note,
        case when n.transferred_from is null then $4 else n.run_id end, n.transferred_from,
        coalesce(n.created_at, now())
    from unnest($7::uuid[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[],
        $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::date[], $17::text[], $32::uuid[],
        $33::uuid[], $34::timestamptz[])
        as n (id, value_class, reason, source_key, granted_minor, remaining_minor, available_at, expires_at,
            ends_at, anchor_on, note, transferred_from, run_id, created_at)
), moved as (
    update lots l set remaining_minor = l.remaining_minor + n.amount_minor
    from unnest($18::uuid[], $19::bigint[]) as n (id, amount_minor)
    where l.tenant_id = $1 and l.id = n.id and l.member_id = $2 and l.currency = $3
    returning l.id
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id, operation)
    select $1, n.id, n.lot_id, $2, $3, n.kind, n.amount_minor, n.key, n.effective_at, $4, $5
    from unnest($20::uuid[], $21::uuid[], $22::text[], $23::bigint[], $24::text[], $25::timestamptz[])
        as n (id, lot_id, kind, amount_minor, key, effective_at)
), owed as (
    insert into debt_entries (tenant_id, id, member_id, currency, kind, amount_minor, key, effective_at,
        run_id, operation)
    select $1, n.id, $2, $3, n.kind, n.amount_minor, n.key, $6, $4, $5
    from unnest($26::uuid[], $27::text[], $28::bigint[], $29::text[]) as n (id, kind, amount_minor, key)
), balanced as (
    update accounts set balance_minor = balance_minor + $30, debt_minor = debt_minor + $31
    where tenant_id = $1 and member_id = $2 and currency = $3
    returning member_id
)
select (select count(*) from moved) as "lots!", (select count(*) from balanced) as "accounts!"
