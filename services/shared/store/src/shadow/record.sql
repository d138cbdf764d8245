-- Writes down what would have been done; what was before is not written again.
-- $1 tenant  $2 run of the batch  $3 kinds  $4 keys  $5 members  $6 currencies  $7 amounts  $8 effective at
with recorded as (
    insert into shadow_effects (tenant_id, kind, key, member_id, currency, amount_minor, effective_at, run_id)
    select $1, n.kind, n.key, n.member_id, n.currency, n.amount_minor, n.effective_at, $2
    from unnest($3::text[], $4::text[], $5::uuid[], $6::text[], $7::bigint[], $8::timestamptz[])
        as n (kind, key, member_id, currency, amount_minor, effective_at)
    on conflict (tenant_id, kind, key, member_id) do nothing
    returning kind, member_id, amount_minor
)
select count(distinct member_id)::int as "members!",
    coalesce(sum(amount_minor) filter (where kind <> 'warning'), 0)::bigint as "amount_minor!"
from recorded
