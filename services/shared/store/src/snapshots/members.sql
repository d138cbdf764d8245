-- A shop's members as of an instant. What the numbers mean is said in store::snapshots.
-- $1 tenant  $2 snapshot  $3 as of  $4 currency  $5 zone
with at as (
    -- Hours, since a day of a zone may have 23 or 25.
    select $3::timestamptz - interval '720 hours' as d30, $3::timestamptz - interval '1440 hours' as d60,
        $3::timestamptz - interval '2160 hours' as d90, $3::timestamptz - interval '4320 hours' as d180,
        $3::timestamptz - interval '8760 hours' as d365, $3::timestamptz - interval '17520 hours' as d730
), ordered as materialized (
    -- Sums of whole numbers in floats are exact up to 2^53 minor units of one member, and keep no state of their own: a
    -- million groups stay in memory, and nothing is sorted.
    select o.member_id, min(o.paid_at) as first_at, max(o.paid_at) as last_at, count(*)::int as orders_all,
        (count(*) filter (where o.paid_at > at.d30))::int as orders_30d,
        (count(*) filter (where o.paid_at > at.d90))::int as orders_90d,
        (count(*) filter (where o.paid_at > at.d60 and o.paid_at <= at.d30))::int as orders_prior_30d,
        (count(*) filter (where o.paid_at > at.d180 and o.paid_at <= at.d90))::int as orders_prior_90d,
        (count(*) filter (where o.paid_at > at.d365))::int as orders_365d,
        (count(*) filter (where o.paid_at > at.d730 and o.paid_at <= at.d365))::int as orders_prior_365d,
        (sum(o.spend_minor::float8) filter (where o.currency = $4 and o.paid_at > at.d30))::bigint as spend_30d,
        (sum(o.spend_minor::float8) filter (where o.currency = $4 and o.paid_at > at.d60 and o.paid_at <= at.d30))::bigint as spend_prior_30d,
        (sum(o.spend_minor::float8) filter (where o.currency = $4 and o.paid_at > at.d90))::bigint as spend_90d,
        (sum(o.spend_minor::float8) filter (where o.currency = $4 and o.paid_at > at.d180 and o.paid_at <= at.d90))::bigint as spend_prior_90d,
        (sum(o.spend_minor::float8) filter (where o.currency = $4 and o.paid_at > at.d365))::bigint as spend_365d
    from orders_as_of($1, $3) o
    cross join at
    where o.member_id is not null
    group by o.member_id
), usual as (
    select coalesce(percentile_disc(0.5) within group (order by
        greatest(extract(epoch from last_at - first_at)::bigint / 86400 / (orders_all - 1), 1)), 60)::int as gap_days
    from ordered where orders_all > 1
), held as (
    select h.member_id,
        max(h.tier_id) filter (where h.valid_from <= $3 and (h.valid_to is null or h.valid_to > $3)) as tier_id,
        max(h.tier_id) filter (where h.valid_from <= at.d30 and (h.valid_to is null or h.valid_to > at.d30)) as tier_30d_id,
        max(h.tier_id) filter (where h.valid_from <= at.d90 and (h.valid_to is null or h.valid_to > at.d90)) as tier_90d_id,
        max(h.tier_id) filter (where h.valid_from <= at.d365 and (h.valid_to is null or h.valid_to > at.d365)) as tier_365d_id,
        min(h.valid_from) filter (where isfinite(h.valid_from)) as joined_at
    from (select * from tiers_held where tenant_id = $1 and status = 'active') as h
    cross join at
    group by h.member_id
), credit as (
    select l.member_id, sum(l.left_minor::float8)::bigint as balance,
        (sum(l.left_minor::float8) filter (where l.ends_at <= $3::timestamptz + interval '168 hours'))::bigint as expiring_7d,
        (sum(l.left_minor::float8) filter (where l.ends_at <= $3::timestamptz + interval '720 hours'))::bigint as expiring_30d
    from lots_as_of($1, $3) l
    where l.currency = $4
    group by l.member_id
), moved as (
    select coalesce(m.merged_into, e.member_id) as member_id,
        (sum(e.amount_minor::float8) filter (where e.kind = 'grant' and e.effective_at > at.d90))::bigint as granted_90d,
        -(sum(e.amount_minor::float8) filter (where e.kind <> 'grant' and e.effective_at > at.d90))::bigint as redeemed_90d,
        -(sum(e.amount_minor::float8) filter (where e.kind <> 'grant'))::bigint as redeemed_365d
    from ledger_entries e
    cross join at
    left join members m on m.tenant_id = $1 and m.id = e.member_id and m.merged_into is not null
    where e.tenant_id = $1 and e.currency = $4 and e.kind in ('grant', 'spend', 'spend_revert')
        and e.effective_at > at.d365 and e.effective_at <= $3
    group by 1
), fifths as (
    -- The greatest of each of the first four fifths: who is above it is in a higher one, and equal values are in one. Found
    -- by sorting three numbers, where ranking whole members would sort them three times.
    select percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by o.last_at) as r,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by o.orders_365d) as f,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by coalesce(o.spend_365d, 0)) as m
    from ordered o
    join members m on m.id = o.member_id
    where m.tenant_id = $1 and m.merged_into is null and m.redacted_at is null
        and (m.deleted_at is null or m.deleted_at > $3)
), known as (
    select m.id as known_id, least(m.created_at, held.joined_at, ordered.first_at) as joined_at,
        m.email is not null and m.accepts_email_marketing and not exists (
            select from suppressions s
            where s.tenant_id = $1 and s.member_id = m.id and (s.kind = 'campaign' or s.reason in ('bounce', 'complaint'))
                and (s.address_hash is null or s.address_hash = mail_address_hash(m.email))) as reachable,
        held.tier_id, held.tier_30d_id, held.tier_90d_id, held.tier_365d_id,
        ordered.*, credit.balance, credit.expiring_7d, credit.expiring_30d,
        moved.granted_90d, moved.redeemed_90d, moved.redeemed_365d,
        extract(epoch from $3 - ordered.last_at)::bigint / 86400 as recency_days,
        -- Their own gaps with one of the shop's among them: two orders by themselves say little.
        greatest(coalesce((extract(epoch from ordered.last_at - ordered.first_at)::bigint / 86400 + usual.gap_days)
            / ordered.orders_all, usual.gap_days), 7) as gap_days
    from members m
    cross join usual
    left join held on held.member_id = m.id
    left join ordered on ordered.member_id = m.id
    left join credit on credit.member_id = m.id
    left join moved on moved.member_id = m.id
    where m.tenant_id = $1 and m.merged_into is null and m.redacted_at is null
        and (m.deleted_at is null or m.deleted_at > $3)
    -- Reckoned once each, here as below: what follows names most of it several times.
    offset 0
), scored as (
    select known.*, extract(epoch from $3 - joined_at)::bigint / 86400 as joined_days,
        60 * least(greatest(coalesce(recency_days, extract(epoch from $3 - joined_at)::bigint / 86400) - gap_days, 0),
            2 * gap_days) / (2 * gap_days)
        + case
            when orders_all is null then 0
            when orders_90d = 0 then 25
            when spend_prior_90d > 0 then 25 * greatest(spend_prior_90d - coalesce(spend_90d, 0), 0) / spend_prior_90d
            else 0 end
        + case when balance > 0 and coalesce(redeemed_90d, 0) <= 0 then 15 else 0 end as risk,
        1 + (last_at > fifths.r[1])::int + (last_at > fifths.r[2])::int + (last_at > fifths.r[3])::int
            + (last_at > fifths.r[4])::int as r,
        1 + (orders_365d > fifths.f[1])::int + (orders_365d > fifths.f[2])::int + (orders_365d > fifths.f[3])::int
            + (orders_365d > fifths.f[4])::int as f,
        1 + (spent > fifths.m[1])::int + (spent > fifths.m[2])::int + (spent > fifths.m[3])::int
            + (spent > fifths.m[4])::int as m
    from known
    cross join fifths
    cross join lateral (select case when orders_all > 0 then coalesce(spend_365d, 0) end as spent) as money
    where joined_at <= $3
    offset 0
), inserted as (
    insert into member_snapshots
    select $1, $2, known_id, tier_id, tier_30d_id, tier_90d_id, tier_365d_id,
        (joined_at at time zone $5)::date, joined_days, recency_days, gap_days, coalesce(orders_all, 0),
        coalesce(orders_30d, 0), coalesce(orders_90d, 0), coalesce(orders_prior_30d, 0), coalesce(orders_prior_90d, 0),
        coalesce(orders_365d, 0), coalesce(orders_prior_365d, 0),
        coalesce(spend_30d, 0), coalesce(spend_prior_30d, 0), coalesce(spend_90d, 0), coalesce(spend_prior_90d, 0),
        coalesce(spend_365d, 0),
        coalesce(balance, 0), coalesce(expiring_7d, 0), coalesce(expiring_30d, 0),
        coalesce(granted_90d, 0), coalesce(redeemed_90d, 0), coalesce(redeemed_365d, 0), reachable, risk, r, f, m,
        case
            when orders_all is null then
                case when joined_days <= 90 then 'new' when joined_days <= 365 then 'hibernating' else 'lost' end
            when recency_days > 365 then 'lost'
            when orders_all > 1 and risk >= 60 and recency_days <= greatest(180, 3 * gap_days) then 'at_risk'
            when recency_days > greatest(180, gap_days) then 'hibernating'
            when first_at > $3::timestamptz - interval '1440 hours' then 'new'
            when risk >= 35 and (orders_all > 1 or recency_days > 2 * gap_days) then 'needs_attention'
            when r >= 4 and f >= 4 and m >= 4 then 'champions'
            when f >= 4 or (f >= 3 and m >= 3) then 'loyal'
            else 'promising' end
    from scored
    returning 1
)
update snapshots set members = (select count(*) from inserted), gap_days = (select gap_days from usual)
where tenant_id = $1 and id = $2
