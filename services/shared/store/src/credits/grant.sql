-- Gives one credit to one member, in one statement. The unique keys on lots decide: running it again
-- grants nothing new. Says what it found, so that whoever was refused is told why.
-- $1 tenant  $2 run  $3 customer id  $4 amount  $5 currency  $6 class of value  $7 source key
-- $8 note  $9 available at  $10 expires at  $11 id for the lot  $12 anchor date
-- $13 ends at
with found as (
    -- Who has become a part of another member is that one.
    select t.state, t.currency, coalesce(m.merged_into, m.id) as member_id
    from tenants t
    left join members m on m.tenant_id = t.id and m.external_id = $3
    where t.id = $1
), granted as (
    insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key,
        granted_minor, remaining_minor, available_at, expires_at, ends_at, anchor_on, run_id, note)
    select $1, $11, member_id, currency, $6, 'granted', $7, $4, $4, $9, $10, $13, $12, $2, $8
    from found
    where state = 'active' and currency = $5 and member_id is not null
    on conflict do nothing
    returning id, member_id, currency, granted_minor
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id)
    -- A grant is the first entry of its lot and shares its id.
    select $1, id, id, member_id, currency, 'grant', granted_minor, 'grant', $9, $2 from granted
), balanced as (
    insert into accounts as a (tenant_id, member_id, currency, balance_minor)
    select $1, member_id, currency, granted_minor from granted
    on conflict (tenant_id, member_id, currency)
        do update set balance_minor = a.balance_minor + excluded.balance_minor
    returning debt_minor
)
select f.state as "state!", f.currency as "currency!", f.member_id as "member_id?",
    exists (select from granted) as "is_new!", coalesce(b.merged_into, l.member_id) as "before_member_id?",
    l.granted_minor as "before_minor?",
    coalesce((select debt_minor > 0 from balanced), false) as "owes!"
from found f
-- Looked for only if it was not granted now: while lots are few, the planner may take another index for it, and go on
-- reading all of a shop's lots when they are many.
left join lateral (
    select l.member_id, l.granted_minor
    from lots l
    where not exists (select from granted) and l.tenant_id = $1 and l.reason = 'granted' and l.source_key = $7
    limit 1
) as l on true
left join members b on b.tenant_id = $1 and b.id = l.member_id
