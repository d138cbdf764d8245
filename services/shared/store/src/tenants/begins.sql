-- Shops whose handle or domain begins so, in the order of the bytes of their handles, which is that of the index.
-- Handles and domains hold nothing behind "~".
-- $1 this one  $2 beginning, in small letters  $3 state  $4 behind this handle  $5 at most
with found as (
    (select id from tenants
        where handle ~>=~ $2 and handle ~<~ ($2::text || '~') and ($1::bigint is null or id = $1)
            and ($3::text is null or state = $3) and ($4::text is null or handle ~>~ $4)
        order by handle using ~<~ limit $5)
    union
    (select id from tenants
        where shop_domain ~>=~ $2 and shop_domain ~<~ ($2::text || '~') and ($1::bigint is null or id = $1)
            and ($3::text is null or state = $3) and ($4::text is null or handle ~>~ $4)
        order by handle using ~<~ limit $5)
)
select id as "id!: TenantId", handle as "handle!", name as "name!", zone as "zone!", currency as "currency!",
    credit_validity as "credit_validity!", grace_days as "grace_days!", pending_days as "pending_days!",
    shortfall as "shortfall!", locale as "locale!", reply_to, shop_url, warns as "warns!", wallet as "wallet!",
    state as "state!", shop_domain, installed_at, created_at as "created_at!", shadow_since, live_since
from found join tenants using (id)
order by handle using ~<~ limit $5
