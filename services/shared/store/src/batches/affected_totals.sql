select b.currency as "currency!", sum(b.affected_minor)::bigint as "affected_minor!"
from batches b
where b.currency is not null
    -- An array, since `or` would read all batches there are.
    and b.parent_run_id = any (array(select $1::uuid union all select id from runs where parent_id = $1))
group by b.currency
order by b.currency
