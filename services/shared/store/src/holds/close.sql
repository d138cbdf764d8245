-- Ends a hold: nothing of its lots is held by it any more. The account is locked.
-- $1 tenant  $2 hold  $3 state  $4 captured  $5 by whom  $6 why
with closed as (
    update holds set state = $3, captured_minor = $4, operation = case when $4::bigint is null then null else key end,
        ended_at = clock_timestamp(), ended_by = $5, end_reason = $6
    where tenant_id = $1 and key = $2 and state = 'authorised'
    returning key
), lowered as (
    update lots l set held_minor = l.held_minor - p.amount_minor
    from closed
    join hold_parts p on p.tenant_id = $1 and p.hold_key = closed.key
    where l.tenant_id = $1 and l.id = p.lot_id and l.member_id = p.member_id and l.currency = p.currency
)
select count(*) as "closed!" from closed
