-- Keeps what of an order earns and what of its refunds had earned, where it has changed. A refund whose money has
-- not moved counts for nothing.
-- $1 tenant  $2 order  $3 base  $4 version of the rule  $5 awaits payments  $6 refunds  $7 their parts
with parts as (
    update order_refunds r set eligible_minor = coalesce(p.eligible_minor, 0)
    from order_refunds f
    left join unnest($6::text[], $7::bigint[]) as p (external_id, eligible_minor) on p.external_id = f.external_id
    where r.tenant_id = $1 and r.order_external_id = $2
        and f.tenant_id = $1 and f.order_external_id = $2 and f.external_id = r.external_id
        and r.facts is not null and r.eligible_minor <> coalesce(p.eligible_minor, 0)
)
update orders set base_minor = $3, rule_version = $4, awaits_payments = $5
where tenant_id = $1 and external_id = $2
    and (base_minor, rule_version, awaits_payments) is distinct from ($3, $4, $5)
