-- Books what is left of a batch's ended lots as expired, each as of its own end. Of locked accounts alone: what has
-- come to be left in others since they were locked is the next run's.
-- $1 tenant  $2 run of the batch  $3 members whose accounts are locked  $4 as of  $5 ids for the entries
with due as (
    select l.id, l.member_id, l.currency, l.ends_at, l.remaining_minor - l.held_minor as amount_minor,
        row_number() over (order by l.member_id, l.ends_at, l.id) as n
    from lots l
    where l.tenant_id = $1 and l.member_id = any ($3::uuid[])
        and l.currency = (select currency from batches where run_id = $2)
        and l.ends_at <= $4 and l.remaining_minor > l.held_minor and l.remaining_minor > 0
), lowered as (
    update lots l set remaining_minor = l.held_minor
    from due
    where l.tenant_id = $1 and l.id = due.id and l.member_id = due.member_id and l.currency = due.currency
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id)
    select $1, coalesce(($5::uuid[])[due.n], gen_random_uuid()), due.id, due.member_id, due.currency, 'expire',
        -due.amount_minor, 'expire:' || $2, due.ends_at, $2
    from due
), balanced as (
    update accounts a set balance_minor = a.balance_minor - sums.amount_minor
    from (
        select member_id, currency, sum(amount_minor) as amount_minor from due group by member_id, currency
    ) as sums
    where a.tenant_id = $1 and a.member_id = sums.member_id and a.currency = sums.currency
)
select count(distinct member_id)::int as "members!", coalesce(sum(amount_minor), 0)::bigint as "expired_minor!",
    (select currency from batches where run_id = $2) as "currency"
from due
