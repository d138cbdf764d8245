-- What a monthly run would do, or has done, added up by outcome.
-- $1 tenant  $2 period  $3 as of  $4 whether to hold what happened against it
select outcome as "outcome!", tier as "tier?", currency as "currency?", count(*) as "members!",
    sum(amount_minor)::bigint as "amount_minor!"
from monthly_outcomes($1, $2, $3, $4)
group by outcome, tier, currency
order by outcome, tier nulls last, currency
