-- Credits the members of a batch by the comparison's own function. Answers how many were credited.
-- $1 tenant  $2 period  $3 first member  $4 last member
select loyalty.issue_credits($1, $2::date, array(
    select member_id from loyalty.members
    where tenant_id = $1 and member_id between $3 and $4
    order by member_id
))
