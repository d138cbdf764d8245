-- What agents look at: a shop as of an instant, reckoned once, so that each question is answered from few rows.

create table snapshots (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    -- The instant that it is about: orders paid, entries in effect and tiers held by then.
    as_of timestamptz not null,
    -- As they were when it was made: money is in this currency, months are of this zone.
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    zone text not null check (zone <> ''),
    -- `made`: whole. `cells`: what is known of single members has gone; sums are kept. `empty`: nothing yet.
    state text not null default 'empty' check (state in ('empty', 'made', 'cells')),
    members bigint not null default 0 check (members >= 0),
    -- The usual days between two orders of one member: the middle of all who have ordered twice.
    gap_days integer not null default 60 check (gap_days > 0),
    made_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    unique (tenant_id, as_of)
);

-- A member as of then. Who has become a part of another counts as that one. Days are whole and rounded down; windows
-- reach back from the instant; money is minor units of the snapshot's currency, less what was refunded by then.
create table member_snapshots (
    tenant_id bigint not null,
    snapshot_id uuid not null,
    member_id uuid not null,
    -- The tier then and so many days before; null: none, or it did not count then.
    tier_id integer,
    tier_30d_id integer,
    tier_90d_id integer,
    tier_365d_id integer,
    joined_on date not null,
    joined_days integer not null check (joined_days >= 0),
    -- Since the last order; null: never ordered. And the member's usual days between two.
    recency_days integer check (recency_days >= 0),
    gap_days integer not null check (gap_days > 0),
    orders_all integer not null,
    orders_30d integer not null,
    orders_90d integer not null,
    -- In the window of the same length before that.
    orders_prior_30d integer not null,
    orders_prior_90d integer not null,
    orders_365d integer not null,
    orders_prior_365d integer not null,
    spend_30d_minor bigint not null,
    spend_prior_30d_minor bigint not null,
    spend_90d_minor bigint not null,
    spend_prior_90d_minor bigint not null,
    spend_365d_minor bigint not null,
    -- Credit: what can be spent, and what of it ends within so many days.
    balance_minor bigint not null,
    expiring_7d_minor bigint not null,
    expiring_30d_minor bigint not null,
    granted_90d_minor bigint not null,
    redeemed_90d_minor bigint not null,
    redeemed_365d_minor bigint not null,
    -- May be written to: has an address, and has agreed.
    reachable boolean not null,
    -- From 0 to 100 (store::snapshots says how), and fifths of those who have ordered: 5 is the best; null: never ordered.
    risk smallint not null check (risk between 0 and 100),
    rfm_r smallint check (rfm_r between 1 and 5),
    rfm_f smallint check (rfm_f between 1 and 5),
    rfm_m smallint check (rfm_m between 1 and 5),
    segment text not null check (segment in ('champions', 'loyal', 'promising', 'new', 'needs_attention', 'at_risk',
        'hibernating', 'lost')),
    -- Without references: a million rows are made at once, and each would be looked up twice.
    primary key (tenant_id, snapshot_id, member_id)
);
-- The first few of those at risk, and of those who lose the most; of one tier without looking at the others' rows.
create index member_snapshots_at_risk on member_snapshots
    (tenant_id, snapshot_id, risk desc, spend_365d_minor desc, member_id, tier_id) where segment = 'at_risk';
create index member_snapshots_expiring on member_snapshots
    (tenant_id, snapshot_id, expiring_30d_minor desc, member_id, tier_id) where expiring_30d_minor > 0;
create index member_snapshots_expiring_soon on member_snapshots
    (tenant_id, snapshot_id, expiring_7d_minor desc, member_id, tier_id) where expiring_7d_minor > 0;
-- A campaign's audience.
create index member_snapshots_segment on member_snapshots (tenant_id, snapshot_id, segment, tier_id);

-- Sums over members, orders and entries as of then: what of which group is how much. Groups of few members are left out
-- when it is read, not here.
create table snapshot_cells (
    tenant_id bigint not null,
    snapshot_id uuid not null,
    topic text not null,
    -- The group, by up to two names: a tier, a segment, a month.
    a text not null default '',
    b text not null default '',
    measure text not null,
    value bigint not null,
    primary key (tenant_id, snapshot_id, topic, a, b, measure),
    foreign key (tenant_id, snapshot_id) references snapshots (tenant_id, id)
);

do $$
declare
    name text;
begin
    foreach name in array array['snapshots', 'member_snapshots', 'snapshot_cells'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert, delete on %I to tradeup_app', name);
    end loop;
end
$$;
grant update on snapshots to tradeup_app;

-- Orders that count at an instant: paid by then, not of a test, not cancelled, not disputed. Each with what it brought
-- less what was refunded by then, in minor units of its currency, and with its member as it is called now; null: a guest's,
-- or of nobody that is known.
create function orders_as_of(of_tenant bigint, as_of timestamptz)
    returns table (member_id uuid, currency text, paid_at timestamptz, spend_minor bigint)
    language sql stable parallel safe
begin atomic
select coalesce(m.merged_into, m.id), o.currency, o.paid_at,
    greatest(o.base_minor - coalesce(refunded.minor, 0), 0)::bigint
from orders o
left join (
    select r.order_external_id, sum(r.eligible_minor) as minor
    from order_refunds r
    where r.tenant_id = of_tenant and r.state = 'moved' and r.refunded_at <= as_of
    group by r.order_external_id
) as refunded on refunded.order_external_id = o.external_id
left join members m on m.tenant_id = of_tenant and m.external_id = o.member_external_id
where o.tenant_id = of_tenant and o.paid_at <= as_of and not o.test
    and (o.cancelled_at is null or o.cancelled_at > as_of)
    and (o.disputed_at is null or o.disputed_at > as_of or o.dispute_won_at <= as_of);
end;

-- Lots that could be spent at an instant, with what was left of them then: what is left now, less what has moved since.
create function lots_as_of(of_tenant bigint, as_of timestamptz)
    returns table (lot_id uuid, member_id uuid, currency text, value_class text, reason text, ends_at timestamptz,
        left_minor bigint)
    language sql stable parallel safe
begin atomic
select l.id, coalesce(m.merged_into, l.member_id), l.currency, l.value_class, l.reason, l.ends_at,
    (l.remaining_minor - coalesce(late.minor, 0))::bigint
from lots l
left join (
    select e.lot_id, sum(e.amount_minor) as minor
    from ledger_entries e
    where e.tenant_id = of_tenant and e.effective_at > as_of
    group by e.lot_id
) as late on late.lot_id = l.id
left join members m on m.tenant_id = of_tenant and m.id = l.member_id and m.merged_into is not null
where l.tenant_id = of_tenant and l.available_at <= as_of and (l.ends_at is null or l.ends_at > as_of)
    and l.remaining_minor - coalesce(late.minor, 0) > 0;
end;
grant execute on function orders_as_of, lots_as_of to tradeup_app;
