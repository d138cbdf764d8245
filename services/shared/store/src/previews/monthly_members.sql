-- What a monthly run would do, or has done, member by member.
-- $1 tenant  $2 period  $3 as of  $4 whether to hold what happened against it  $5 outcome  $6 limit
select member_id as "member_id!", external_id as "external_id!", outcome as "outcome!", tier as "tier?",
    currency as "currency?", coalesce(amount_minor, 0) as "amount_minor!"
from monthly_outcomes($1, $2, $3, $4)
where $5::text is null or outcome = $5
order by external_id
limit $6
