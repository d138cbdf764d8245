-- Gives a campaign's credit to those of a batch who have not been seen to, in one statement: as far as the campaign's limit
-- reaches, in the order of their ids; its row is locked. The unique key on lots decides, too.
-- $1 tenant  $2 run of the batch  $3 campaign  $4 first member  $5 last member  $6 what may still be given
-- $7 available at  $8 expires at  $9 ends at  $10 anchor date  $11 ids for the lots, one for each planned member
with open as (
    select cm.member_id, c.currency, c.credit_minor, row_number() over (order by cm.member_id) as n
    from campaign_members cm
    join campaigns c on c.tenant_id = $1 and c.id = $3
    where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id between $4 and $5
        and cm.arm = 'treated' and cm.outcome is null
), paid as (
    select * from open where n * credit_minor <= $6
), granted as (
    insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key,
        granted_minor, remaining_minor, available_at, expires_at, ends_at, anchor_on, run_id)
    -- By its place: a join of a hundred with a hundred would be planned as if they were few.
    select $1, coalesce(($11::uuid[])[p.n], gen_random_uuid()), p.member_id, p.currency, 'promotional', 'campaign', $3::uuid::text,
        p.credit_minor, p.credit_minor, $7, $8, $9, $10, $2
    from paid p
    order by p.member_id
    returning id, member_id, currency, granted_minor
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id)
    -- A grant is the first entry of its lot and shares its id.
    select $1, id, id, member_id, currency, 'grant', granted_minor, 'grant', $7, $2 from granted
), balanced as (
    insert into accounts as a (tenant_id, member_id, currency, balance_minor)
    select $1, member_id, currency, granted_minor from granted order by member_id
    on conflict (tenant_id, member_id, currency)
        do update set balance_minor = a.balance_minor + excluded.balance_minor
    returning member_id, debt_minor
), marked as (
    update campaign_members cm
    set outcome = case when g.id is null then 'skipped_cap' else 'credited' end,
        amount_minor = coalesce(g.granted_minor, 0), run_id = $2, at = clock_timestamp()
    from open o
    left join granted g on g.member_id = o.member_id
    where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id = o.member_id
), spent as (
    update campaigns set spent_minor = spent_minor + (select coalesce(sum(granted_minor), 0) from granted)::bigint
    where tenant_id = $1 and id = $3
)
-- Whoever owes something pays with what is given away: the next statement's work.
select array_agg(g.id) as "indebted" from granted g
where g.member_id = any(array(select member_id from balanced where debt_minor > 0))
