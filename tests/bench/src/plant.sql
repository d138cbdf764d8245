-- Shops of one shape, all alike: each with one tier, in which all of its members have been for long.
-- The handle of a shop begins with its shape's name.
create temp table planted as
    with made as (
        insert into tenants (handle, name, zone, currency, credit_validity, state)
        select '{name}-' || n, '{name}', 'UTC', 'USD', 'P12M', '{state}' from generate_series(1, {shops}) as n
        returning id
    ), tiered as (
        insert into tiers (tenant_id, handle, rank, tag) select id, 'gold', 1, 'gold' from made
        returning tenant_id, id
    ), amounts as (
        insert into tier_amounts (tenant_id, tier_id, currency, amount_minor, valid_from)
        select tenant_id, id, 'USD', 500, '2000-01-01' from tiered
    )
    select tenant_id, id as tier_id, n, gen_random_uuid() as member_id
    from tiered cross join generate_series(1, {members}) as n;
insert into members (tenant_id, id, external_id)
select tenant_id, member_id, 'm' || n from planted order by tenant_id, member_id;
insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from, recorded_at)
select tenant_id, member_id, tier_id, 'active', 'import', '2000-01-01', '2000-01-01'
from planted order by tenant_id, member_id;
drop table planted;
