select b.currency as "currency!", sum(b.affected_minor)::bigint as "affected_minor!"
from batches b
where b.currency is not null
    and (b.parent_run_id = $1 or b.parent_run_id in (select id from runs where parent_id = $1))
group by b.currency
order by b.currency
