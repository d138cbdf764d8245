-- Issues the monthly credits of one batch, or of some of a tenant's, in one statement. The unique key on lots decides who
-- gets one: running it again grants nothing new. Order by member, so that overlapping batches can't deadlock.
-- A row for each batch in which there is anybody.
-- $1 tenant  $2 runs of the batches  $3 first members  $4 last members  $5 period  $6 as of
-- $7 expires at  $8 anchor date  $9 ids for the lots, one for each planned member  $10 ends at
with candidates as (
    select r.run_id, c.member_id, c.currency, c.amount_minor, row_number() over (order by c.member_id) as n
    -- From subqueries: for arrays that it sees PostgreSQL makes a plan of its own, and never keeps one.
    from unnest((select $2::uuid[]), (select $3::uuid[]), (select $4::uuid[])) as r (run_id, first_member_id, last_member_id)
    cross join lateral (
        select ms.member_id, a.currency, a.amount_minor
        from tiers_held ms
        join tenants t on t.id = ms.tenant_id
        left join tier_amounts a
            on a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
            and a.valid_from <= $6 and (a.valid_to is null or a.valid_to > $6)
        where ms.tenant_id = $1
            and ms.member_id between r.first_member_id and r.last_member_id
            and ms.status = 'active'
            and ms.valid_from <= $6 and (ms.valid_to is null or ms.valid_to > $6)
            -- Who has become a part of another member since then gets nothing any more.
            and not exists (
                select from members m
                where m.tenant_id = $1 and m.id = ms.member_id and m.merged_into is not null
                    and m.id between r.first_member_id and r.last_member_id)
        -- Range by range: joined with the ranges, all of a shop would be read for them.
        offset 0
    ) as c
), granted as (
    insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key,
        granted_minor, remaining_minor, available_at, expires_at, ends_at, anchor_on, run_id)
    -- By its place: a join of a hundred with a hundred would be planned as if they were few.
    select $1, coalesce(($9::uuid[])[c.n], gen_random_uuid()), c.member_id, c.currency, 'promotional', 'monthly', $5,
        c.amount_minor, c.amount_minor, $6, $7, $10, $8, c.run_id
    from candidates c
    where c.amount_minor > 0
    order by c.member_id
    on conflict (tenant_id, member_id, reason, source_key) do nothing
    returning id, member_id, currency, granted_minor, run_id
), entered as (
    insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
        effective_at, run_id)
    -- A grant is the first entry of its lot and shares its id.
    select $1, id, id, member_id, currency, 'grant', granted_minor, 'grant', $6, run_id from granted
), balanced as (
    insert into accounts as a (tenant_id, member_id, currency, balance_minor)
    select $1, member_id, currency, granted_minor from granted order by member_id
    on conflict (tenant_id, member_id, currency)
        do update set balance_minor = a.balance_minor + excluded.balance_minor
    returning member_id, debt_minor
), given as (
    select run_id, count(*) as granted, sum(granted_minor) as granted_minor, max(currency) as currency,
        -- Whoever owes something pays with what is given away: the next statement's work.
        array_agg(id) filter (where member_id = any(array(select member_id from balanced where debt_minor > 0))) as indebted
    from granted
    group by run_id
), found as (
    select run_id, count(*) as candidates, count(*) filter (where amount_minor = 0) as zero_amount,
        count(*) filter (where amount_minor is null) as no_amount
    from candidates
    group by run_id
)
select f.run_id as "run_id!: RunId", f.candidates::int as "candidates!", f.zero_amount::int as "zero_amount!",
    f.no_amount::int as "no_amount!", coalesce(g.granted, 0)::int as "granted!",
    coalesce(g.granted_minor, 0)::bigint as "granted_minor!", g.currency as "currency?", g.indebted as "indebted?"
from found f
left join given g using (run_id)
