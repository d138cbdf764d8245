-- Authorises: notes which lots would pay, and that so much of them is held. The account is locked.
-- $1 tenant  $2 hold  $3 member  $4 currency  $5 lots, in the order of use  $6 amounts
with parts as (
    select p.lot_id, p.amount_minor, p.n::smallint as seq
    from unnest($5::uuid[], $6::bigint[]) with ordinality as p (lot_id, amount_minor, n)
), noted as (
    insert into hold_parts (tenant_id, hold_key, seq, lot_id, member_id, currency, amount_minor)
    select $1, $2, seq, lot_id, $3, $4, amount_minor from parts
)
update lots l set held_minor = l.held_minor + parts.amount_minor
from parts
where l.tenant_id = $1 and l.id = parts.lot_id and l.member_id = $3 and l.currency = $4
