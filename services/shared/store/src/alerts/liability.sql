-- Marks what a shop owes now, and says where it is off by more than it should from what it was a day ago.
-- $1 tenant  $2 per cent
with owed as (
    select currency, sum(balance_minor)::bigint as owed_minor from accounts where tenant_id = $1 group by currency
), marked as (
    insert into liability_marks (tenant_id, currency, owed_minor) select $1, currency, owed_minor from owed
    on conflict do nothing
), forgotten as (
    delete from liability_marks where tenant_id = $1 and at < now() - interval '60 days'
), before as (
    select distinct on (currency) currency, owed_minor
    from liability_marks
    where tenant_id = $1 and at between now() - interval '36 hours' and now() - interval '23 hours'
    order by currency, at desc
)
select o.currency as "currency!", b.owed_minor as "before_minor!", o.owed_minor as "now_minor!"
from owed o join before b using (currency)
where b.owed_minor > 0 and abs(o.owed_minor - b.owed_minor)::numeric * 100 >= b.owed_minor::numeric * $2::integer
