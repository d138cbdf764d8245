-- Takes from these new promotional lots what their members owe. Their accounts are locked: whoever
-- granted the lots has changed the balances in this transaction.
-- $1 tenant  $2 run  $3 lots  $4 ids for the entries, one for each lot  $5 ids for the debts' entries
-- $6 effective at
with owed as (
    select l.id as lot_id, l.member_id, l.currency, n.entry_id, n.debt_entry_id,
        least(a.debt_minor, l.remaining_minor - l.held_minor) as amount_minor
    from unnest($3::uuid[], $4::uuid[], $5::uuid[]) as n (lot_id, entry_id, debt_entry_id)
    join lots l on l.tenant_id = $1 and l.id = n.lot_id
    join accounts a on a.tenant_id = $1 and a.member_id = l.member_id and a.currency = l.currency
    where l.value_class = 'promotional' and a.debt_minor > 0 and l.remaining_minor > l.held_minor
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id)
    select $1, entry_id, lot_id, member_id, currency, 'debt_recover', -amount_minor, 'debt_recover', $6, $2
    from owed
), owing as (
    insert into debt_entries (tenant_id, id, member_id, currency, kind, amount_minor, key, effective_at, run_id)
    select $1, debt_entry_id, member_id, currency, 'debt_recover', -amount_minor, 'debt_recover:' || lot_id, $6, $2
    from owed
), lowered as (
    update lots l set remaining_minor = l.remaining_minor - owed.amount_minor
    from owed
    where l.tenant_id = $1 and l.id = owed.lot_id and l.member_id = owed.member_id and l.currency = owed.currency
)
update accounts a
set balance_minor = a.balance_minor - owed.amount_minor, debt_minor = a.debt_minor - owed.amount_minor
from owed
where a.tenant_id = $1 and a.member_id = owed.member_id and a.currency = owed.currency
