-- A shop of which it is known what is to be found in it. All of it follows from the settings planted.*, and from nothing
-- random. Shares are parts of a thousand. What each member was planted as is kept in the table planted.members, so that
-- nothing has to be asked of the product to know it.
set local session_replication_role = replica;
set local work_mem = '256MB';
create schema if not exists planted;
create table if not exists planted.members (
    tenant_id bigint, i bigint, member_id uuid, kind text, gap integer, orders integer, last_days numeric,
    joined_at timestamptz, tier text, tier_before text, currency text, primary key (tenant_id, i));

-- From 0 to 999,999, by seed, number and purpose.
create or replace function planted.roll(i bigint, what text) returns bigint language sql immutable parallel safe as $$
    select ('x' || substr(md5(what || i), 1, 7))::bit(28)::bigint % 1000000 $$;
create or replace function planted.setting(name text) returns text language sql stable parallel safe as $$
    select current_setting('planted.' || name) $$;
create or replace function planted.share(name text) returns bigint language sql stable parallel safe as $$
    select planted.setting(name)::bigint * 1000 $$;

-- The run that gave all planted credit, long ago: it is not kept any more, as runs of that age are not, so that what it promised
-- is not asked for by proofs.
create or replace function planted.run() returns uuid language sql immutable parallel safe as $$
    select '00000000-0000-0000-0000-000000000001'::uuid $$;
update retention set runs_deleted_through = greatest(runs_deleted_through, planted.run());

insert into tenants (handle, name, zone, currency, credit_validity, created_at)
select planted.setting('handle'), planted.setting('handle'), 'America/New_York', planted.setting('currency'), 'P3M',
    planted.setting('as_of')::timestamptz - interval '3 years';
insert into tiers (tenant_id, handle, rank, tag)
select t.id, v.handle, v.rank, 'vip-' || v.handle
from tenants t, (values ('gold', 1), ('silver', 2), ('bronze', 3)) as v (handle, rank)
where t.handle = planted.setting('handle');
insert into tier_amounts (tenant_id, tier_id, currency, amount_minor, valid_from)
select ti.tenant_id, ti.id, planted.setting('currency'), 500, '-infinity'
from tiers ti join tenants t on t.id = ti.tenant_id where t.handle = planted.setting('handle');

insert into planted.members
select t.id, g.i, md5(planted.setting('handle') || planted.setting('seed') || g.i)::uuid, k.kind, k.gap, n.orders, n.last_days,
    planted.setting('as_of')::timestamptz
        - make_interval(hours => (24 * (case when n.orders = 0 then planted.roll(g.i, s.seed || 'joined') % 500 + 1
            else n.last_days + (n.orders - 1 + 0.4) * k.gap + planted.roll(g.i, s.seed || 'before') % 20 + 1 end))::int),
    case when planted.roll(g.i, s.seed || 'tier') < planted.share('skew') then 'bronze'
        when planted.roll(g.i, s.seed || 'which') < 600000 then 'bronze'
        when planted.roll(g.i, s.seed || 'which') < 900000 then 'silver' else 'gold' end,
    null,
    case when planted.roll(g.i, s.seed || 'currency') < planted.share('other_currency') then 'EUR'
        else planted.setting('currency') end
from tenants t
cross join (select planted.setting('seed') as seed) as s
cross join generate_series(1, planted.setting('members')::bigint) as g (i)
cross join lateral (select planted.roll(g.i, s.seed || 'kind') as kind, planted.roll(g.i, s.seed || 'gap') as gap) as r
cross join lateral (
    select case when r.kind < planted.share('never') then 'never'
            when r.kind < planted.share('never') + planted.share('once') then 'once'
            when r.kind < planted.share('never') + planted.share('once') + planted.share('gone') then 'gone'
            when r.kind < planted.share('never') + planted.share('once') + planted.share('gone')
                + planted.share('churned') then 'churned'
            else 'regular' end as kind,
        (14 + r.gap % 22)::int as gap
) as k
cross join lateral (select planted.roll(g.i, s.seed || 'last') as last, planted.roll(g.i, s.seed || 'orders') as orders) as l
cross join lateral (
    select case k.kind when 'never' then 0 when 'once' then 1 else 4 + l.orders % 7 end::int as orders,
        case k.kind
            when 'once' then 1 + l.last % 300
            when 'gone' then 200 + l.last % 150
            -- They stopped two and a half to four of their gaps ago.
            when 'churned' then k.gap * (2.5 + (l.last % 1500) / 1000.0)
            -- Most are within their gap, some are late by up to most of another, and few by two: they look like those
            -- who have stopped, and have not.
            when 'regular' then case when l.last < 850000 then k.gap * (l.last % 1000) / 1000.0
                when l.last < 970000 then k.gap * (1 + (l.last % 800) / 1000.0)
                else k.gap * (1.8 + (l.last % 1200) / 1000.0) end
            else 0 end as last_days
) as n
where t.handle = planted.setting('handle');
-- Who has moved: up from bronze to silver 40 days ago, and down from gold to silver 60 days ago.
update planted.members p set tier_before = case when p.tier = 'silver' and planted.roll(p.i, 'moved') < planted.share('raised')
        then 'bronze' when p.tier = 'silver' and planted.roll(p.i, 'moved') > 1000000 - planted.share('lowered') then 'gold' end
from tenants t where t.id = p.tenant_id and t.handle = planted.setting('handle');

insert into members (tenant_id, id, external_id, email, first_name, last_name, phone, accepts_email_marketing, created_at)
select p.tenant_id, p.member_id, p.i::text, planted.setting('name') || p.i || '@example.test', planted.setting('name'),
    planted.setting('name') || ' ' || p.i, planted.setting('name'), p.i % 4 <> 0, p.joined_at
from planted.members p join tenants t on t.id = p.tenant_id and t.handle = planted.setting('handle');
insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from, valid_to, recorded_at)
select p.tenant_id, p.member_id, ti.id, 'active', 'import', v.valid_from, v.valid_to, v.valid_from
from planted.members p
join tenants t on t.id = p.tenant_id and t.handle = planted.setting('handle')
cross join lateral (
    select planted.setting('as_of')::timestamptz
        - make_interval(days => case when p.tier_before = 'bronze' then 40 else 60 end) as moved_at
) as at
cross join lateral (
    select p.tier as tier, case when p.tier_before is null then p.joined_at else at.moved_at end as valid_from,
        null::timestamptz as valid_to
    union all
    select p.tier_before, least(p.joined_at, at.moved_at - interval '100 days'), at.moved_at where p.tier_before is not null
) as v
join tiers ti on ti.tenant_id = t.id and ti.handle = v.tier;

insert into orders (tenant_id, external_id, member_external_id, currency, base_minor, paid_at, version_at, facts,
    created_at, member_id, rate_bps)
select p.tenant_id, p.i || '-' || j, p.i::text, p.currency,
    2000 + planted.roll(p.i * 100 + j, 'amount') % 13000, at.paid_at, at.paid_at,
    '{"lines":[{"price_minor":2000,"quantity":1}]}', at.paid_at, p.member_id, 0
from planted.members p
join tenants t on t.id = p.tenant_id and t.handle = planted.setting('handle')
cross join lateral generate_series(0, p.orders - 1) as j
cross join lateral (
    -- Back from the last one, each a third of a gap earlier or later than it would be.
    select planted.setting('as_of')::timestamptz - make_interval(secs => 3600 + (86400 * (p.last_days + j * p.gap
        + case when j = 0 then 0 else p.gap * (planted.roll(p.i * 100 + j, 'jitter') % 600 - 300) / 1000.0 end))::float8)
        as paid_at
) as at;
-- One order in twenty is refunded by half.
insert into order_refunds (tenant_id, order_external_id, external_id, eligible_minor, refunded_at)
select o.tenant_id, o.external_id, 'r', o.base_minor / 2, o.paid_at + interval '1 hour'
from orders o join tenants t on t.id = o.tenant_id and t.handle = planted.setting('handle')
where planted.roll(hashtext(o.external_id), 'refund') < 50000;

-- Credit of six months, each of 5.00 for three months: used within ten days by most who still buy, and ended otherwise.
-- And for those of a mass expiry, 10.00 that end in ten days.
create temporary table planted_lots on commit drop as
select p.tenant_id, md5(p.member_id || 'lot' || v.n)::uuid as id, p.member_id, planted.setting('currency') as currency, v.n,
    v.minor, v.granted_at, v.granted_at + v.lasts as ends_at,
    case when v.n < 6 and p.kind = 'regular' and planted.roll(p.i * 10 + v.n, 'used') < 600000
        and v.granted_at + interval '10 days' <= planted.setting('as_of')::timestamptz
        then v.granted_at + interval '10 days' end as used_at
from planted.members p
join tenants t on t.id = p.tenant_id and t.handle = planted.setting('handle')
cross join lateral (
    select n, 500 as minor, planted.setting('as_of')::timestamptz - make_interval(days => 30 * n + 5) as granted_at,
        interval '90 days' as lasts
    from generate_series(0, 5) as n
    union all
    select 6, 1000, planted.setting('as_of')::timestamptz - interval '80 days', interval '90 days'
    where planted.roll(p.i, 'expiring') < planted.share('expiring')
) as v
where v.granted_at >= p.joined_at;
insert into accounts (tenant_id, member_id, currency, balance_minor)
select tenant_id, member_id, currency,
    sum(minor) filter (where used_at is null and ends_at > planted.setting('as_of')::timestamptz)
from planted_lots group by 1, 2, 3
having coalesce(sum(minor) filter (where used_at is null and ends_at > planted.setting('as_of')::timestamptz), 0) > 0;
insert into accounts (tenant_id, member_id, currency, balance_minor)
select distinct tenant_id, member_id, currency, 0 from planted_lots on conflict do nothing;
insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key, granted_minor, remaining_minor,
    available_at, expires_at, ends_at, anchor_on, created_at, run_id, note)
select tenant_id, id, member_id, currency, 'promotional', 'monthly', 'planted-' || n, minor,
    case when used_at is null and ends_at > planted.setting('as_of')::timestamptz then minor else 0 end,
    granted_at, ends_at, ends_at, granted_at::date, granted_at, planted.run(), 'planted'
from planted_lots;
insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key, effective_at, recorded_at,
    run_id)
select l.tenant_id, md5(l.id || e.kind)::uuid, l.id, l.member_id, l.currency, e.kind, e.minor, e.kind, e.at, e.at,
    planted.run()
from planted_lots l
cross join lateral (
    select 'grant' as kind, l.minor::bigint as minor, l.granted_at as at
    union all
    select 'spend', -l.minor, l.used_at where l.used_at is not null
    union all
    select 'expire', -l.minor, l.ends_at where l.used_at is null and l.ends_at <= planted.setting('as_of')::timestamptz
) as e;
drop table planted_lots;
set local session_replication_role = origin;
