-- What became of a fire that is every shop's: how many shops' runs are in which state, how many shops have none, and the
-- first shops of each state but success. A suspended shop without a run was left out by rule.
-- $1 when it was due  $2 its run  $3 shops that are named of a state
with below as materialized (
    select tenant_id, state from runs where parent_id = $2
), found as (
    select t.handle, b.state
    from tenants t left join below b on b.tenant_id = t.id
    where t.created_at < $1 and (t.state = 'active' or b.state is not null)
)
select state as "state?", count(*) as "shops!",
    coalesce((array_agg(handle order by handle) filter (where state is distinct from 'succeeded'))[:$3], '{}')
        as "first!"
from found
group by state
