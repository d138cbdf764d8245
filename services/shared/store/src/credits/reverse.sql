-- Takes back what a run has granted to a batch's members: what is left of each lot, and as a debt what was
-- used of it, if members are to owe that. Of locked accounts alone.
-- $1 tenant  $2 run of the batch  $3 members whose accounts are locked  $4 the run that has granted
-- $5 ids for the entries  $6 whether what was used is owed  $7 ids for the debts' entries
with granted as (
    select l.id, l.member_id, l.currency, l.remaining_minor - l.held_minor as amount_minor,
        case when $6 then coalesce((
            select -sum(e.amount_minor) from ledger_entries e
            where e.tenant_id = $1 and e.lot_id = l.id and e.kind in ('spend', 'spend_revert')
        ), 0) else 0 end as used_minor,
        row_number() over (order by l.member_id, l.id) as n
    from lots l
    join runs r on r.id = l.run_id
    where l.tenant_id = $1 and l.member_id = any ($3::uuid[])
        and l.currency = (select currency from batches where run_id = $2)
        and (r.id = $4 or r.parent_id = $4 or r.root_id = $4)
        -- Whatever was reversed before stays as it is, also what was given back since.
        and not exists (
            select from ledger_entries e
            where e.tenant_id = $1 and e.lot_id = l.id and e.key = 'reverse:' || $4)
        and not exists (
            select from debt_entries d
            where d.tenant_id = $1 and d.member_id = l.member_id and d.currency = l.currency
                and d.key = 'reverse:' || l.id)
), numbered as (
    select g.*, coalesce(($5::uuid[])[g.n], gen_random_uuid()) as entry_id,
        coalesce(($7::uuid[])[g.n], gen_random_uuid()) as debt_entry_id
    from granted g
), lowered as (
    update lots l set remaining_minor = l.held_minor
    from numbered g
    where g.amount_minor > 0 and l.tenant_id = $1 and l.id = g.id and l.member_id = g.member_id
        and l.currency = g.currency
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id)
    select $1, entry_id, id, member_id, currency, 'adjust', -amount_minor, 'reverse:' || $4, now(), $2
    from numbered where amount_minor > 0
), owed as (
    insert into debt_entries (tenant_id, id, member_id, currency, kind, amount_minor, key, effective_at, run_id)
    select $1, debt_entry_id, member_id, currency, 'debt_open', used_minor, 'reverse:' || id, now(), $2
    from numbered where used_minor > 0
), balanced as (
    update accounts a
    set balance_minor = a.balance_minor - sums.amount_minor, debt_minor = a.debt_minor + sums.used_minor
    from (
        select member_id, currency, sum(amount_minor) as amount_minor, sum(used_minor) as used_minor
        from numbered group by member_id, currency
    ) as sums
    where a.tenant_id = $1 and a.member_id = sums.member_id and a.currency = sums.currency
)
select count(distinct member_id) filter (where amount_minor > 0)::int as "members!",
    coalesce(sum(amount_minor), 0)::bigint as "reversed_minor!",
    (select currency from batches where run_id = $2) as "currency"
from numbered
