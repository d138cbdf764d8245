select count(*) over () as "violations!", format('member %s %s', member_id, currency) as "subject!",
    format('owes %s, its debt entries add up to %s', coalesce(debt_minor, 0), coalesce(sum_minor, 0)) as "detail!"
from (select member_id, currency, debt_minor from accounts where tenant_id = $1) as a
full join (
    select member_id, currency, sum(amount_minor) as sum_minor
    from debt_entries where tenant_id = $1 group by member_id, currency
) as e using (member_id, currency)
where coalesce(debt_minor, 0) <> coalesce(sum_minor, 0)
order by member_id
limit $2
