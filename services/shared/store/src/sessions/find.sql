-- Who is in a session that is not over. That it was seen is noted once a minute.
-- $1 token hash  $2 idle in seconds
with found as (
    select s.token_hash, s.user_id, u.name, u.role, u.tenant_id, t.handle, s.seen_at
    from sessions s
    join users u on u.id = s.user_id and u.disabled_at is null
    left join tenants t on t.id = u.tenant_id
    where s.token_hash = $1 and s.expires_at > clock_timestamp()
        and s.seen_at > clock_timestamp() - make_interval(secs => $2)
), seen as (
    update sessions s set seen_at = clock_timestamp() from found f
    where s.token_hash = f.token_hash and f.seen_at < clock_timestamp() - interval '1 minute'
)
select user_id as "user_id!", name as "name!", role as "role!", tenant_id as "tenant_id: TenantId",
    handle as "tenant_handle?"
from found
