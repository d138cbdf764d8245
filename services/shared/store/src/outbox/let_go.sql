-- $1 held by  $2 tenant, or all  $3 runs a second
with freed as (
    select o.id, row_number() over (order by o.run_id) as n
    from outbox o join runs r on r.id = o.run_id
    where o.held_by = $1 and ($2::bigint is null or r.tenant_id = $2)
)
update outbox o
set held_by = null, held_because = null, turns = 0,
    next_publish_at = now() + make_interval(secs => (freed.n - 1) / $3::float8),
    let_go_at = now() + make_interval(secs => (freed.n - 1) / $3::float8)
from freed where o.id = freed.id
