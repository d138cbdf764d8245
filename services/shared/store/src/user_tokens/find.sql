-- As whom a token lets in, if it does. That it was used is noted once an hour.
-- $1 token hash
with found as (
    select k.id, k.user_id, u.name, u.role, u.tenant_id, t.handle, k.seen_at
    from user_tokens k
    join users u on u.id = k.user_id and u.disabled_at is null
    left join tenants t on t.id = u.tenant_id
    where k.token_hash = $1 and k.revoked_at is null and k.expires_at > clock_timestamp()
), seen as (
    update user_tokens k set seen_at = clock_timestamp() from found f
    where k.id = f.id and (f.seen_at is null or f.seen_at < clock_timestamp() - interval '1 hour')
)
select user_id as "user_id!", name as "name!", role as "role!", tenant_id as "tenant_id: TenantId",
    handle as "tenant_handle?"
from found
