-- What is left in lots beyond what the shop is told of them by other pushes. Lots that began at the shop are
-- known there.
-- $1 tenant
with opened as (
    insert into pushes (tenant_id, id, kind, lot_id, member_id, currency, amount_minor, due_at)
    select l.tenant_id, gen_random_uuid(), 'opening', l.id, l.member_id, l.currency, l.remaining_minor - told.amount_minor,
        case when l.available_at is not null then greatest(l.available_at, clock_timestamp()) end
    from lots l
    cross join lateral (
        select coalesce(sum(p.amount_minor), 0)::bigint as amount_minor from pushes p
        where p.tenant_id = l.tenant_id and p.lot_id = l.id
    ) as told
    where l.tenant_id = $1 and l.remaining_minor > told.amount_minor
        and (l.ends_at is null or l.ends_at > clock_timestamp())
        and not exists (
            select from ledger_entries e
            join operations o on o.tenant_id = e.tenant_id and o.key = e.operation and o.at_shop
            where e.tenant_id = l.tenant_id and e.lot_id = l.id and e.kind = 'grant')
    order by l.member_id, l.id
    on conflict do nothing
    returning amount_minor, due_at
), woken as (
    insert into push_wakes (tenant_id, due_at)
    select distinct $1::bigint, due_at from opened where due_at is not null
)
select count(*) as "lots!", coalesce(sum(amount_minor), 0)::bigint as "amount_minor!" from opened
