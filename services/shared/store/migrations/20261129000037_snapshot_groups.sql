-- Groups of members are added up from few rows, and snapshots of large shops are made sooner.

-- Members of a snapshot who are alike in all that groups are picked by, added up: what would be a look at each of a million
-- members is one at some ten thousand rows. Kept as long as single members are.
create table snapshot_groups (
    tenant_id bigint not null,
    snapshot_id uuid not null,
    part integer not null,
    -- What they have in common. 0: none.
    tier_id integer not null,
    inactive_days integer not null,
    risk smallint not null,
    -- Credit of theirs ends within so many days, 7 or 30. 0: none does.
    ends_within_days smallint not null check (ends_within_days in (0, 7, 30)),
    -- How many of the snapshot's spend_steps they have reached. What they have spent themselves may differ within a step.
    spend_step smallint not null check (spend_step >= 0),
    members integer not null check (members > 0),
    reachable integer not null,
    active_90d integer not null,
    -- Of each of them.
    balance_minor bigint not null,
    -- Of all of them.
    orders_90d bigint not null,
    spend_90d_minor bigint not null,
    spend_prior_90d_minor bigint not null,
    spend_365d_minor bigint not null,
    expiring_30d_minor bigint not null,
    segment text not null,
    primary key (tenant_id, snapshot_id, part)
);
alter table snapshot_groups enable row level security;
alter table snapshot_groups force row level security;
create policy tenant_isolation on snapshot_groups using (tenant_id = app_tenant_id());
grant select, insert, delete on snapshot_groups to tradeup_app;

-- Amounts spent in 365 days that part those who have spent anything into eighths, the least amount first. Null: its groups
-- are not there, and members are read one by one.
alter table snapshots add spend_steps bigint[];

-- As before, but with sums that are bigint at once: arithmetic of numeric for each of millions of rows takes seconds.
create or replace function orders_as_of(of_tenant bigint, as_of timestamptz)
    returns table (member_id uuid, currency text, paid_at timestamptz, spend_minor bigint)
    language sql stable parallel safe
begin atomic
select coalesce(m.merged_into, m.id), o.currency, o.paid_at, greatest(o.base_minor - coalesce(refunded.minor, 0), 0)
from orders o
left join (
    select r.order_external_id, sum(r.eligible_minor)::bigint as minor
    from order_refunds r
    where r.tenant_id = of_tenant and r.state = 'moved' and r.refunded_at <= as_of
    group by r.order_external_id
) as refunded on refunded.order_external_id = o.external_id
left join members m on m.tenant_id = of_tenant and m.external_id = o.member_external_id
where o.tenant_id = of_tenant and o.paid_at <= as_of and not o.test
    and (o.cancelled_at is null or o.cancelled_at > as_of)
    and (o.disputed_at is null or o.disputed_at > as_of or o.dispute_won_at <= as_of);
end;

create or replace function lots_as_of(of_tenant bigint, as_of timestamptz)
    returns table (lot_id uuid, member_id uuid, currency text, value_class text, reason text, ends_at timestamptz,
        left_minor bigint)
    language sql stable parallel safe
begin atomic
select l.id, coalesce(m.merged_into, l.member_id), l.currency, l.value_class, l.reason, l.ends_at,
    l.remaining_minor - coalesce(late.minor, 0)
from lots l
left join (
    select e.lot_id, sum(e.amount_minor)::bigint as minor
    from ledger_entries e
    where e.tenant_id = of_tenant and e.effective_at > as_of
    group by e.lot_id
) as late on late.lot_id = l.id
left join members m on m.tenant_id = of_tenant and m.id = l.member_id and m.merged_into is not null
where l.tenant_id = of_tenant and l.available_at <= as_of and (l.ends_at is null or l.ends_at > as_of)
    and l.remaining_minor - coalesce(late.minor, 0) > 0;
end;
