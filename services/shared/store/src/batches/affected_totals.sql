select b.currency as "currency!", sum(b.affected_minor)::bigint as "affected_minor!"
from (
    -- Apart, and by an array, as in progress.sql.
    select currency, affected_minor from batches
    where parent_run_id = any (array(select $1::uuid union all select id from runs where parent_id = $1))
    union all
    select currency, affected_minor from batches where run_id = $1
        and parent_run_id <> all (array(select $1::uuid union all select id from runs where parent_id = $1))
) as b
where b.currency is not null
group by b.currency
order by b.currency
