-- Tiers by spend: what each asks for and which spend counts, with history; memberships that spend decided,
-- with what decided them; notices before a tier is lowered.

alter table tenants
    -- The yearly date may lower what an import decided: its tags only place a member.
    add column tier_reviews_imports boolean not null default false,
    -- A refund undoes at once what spend within the window has raised.
    add column tier_undoes boolean not null default false;

-- What has to be spent within the window to be in a tier. No row in force: spend does not reach the tier.
create table tier_thresholds (
    tenant_id bigint not null,
    tier_id integer not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    threshold_minor bigint not null check (threshold_minor between 0 and 1000000000000),
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    primary key (tenant_id, tier_id, currency, valid_from),
    foreign key (tenant_id, tier_id) references tiers (tenant_id, id)
);
create unique index tier_thresholds_in_force on tier_thresholds (tenant_id, tier_id, currency)
    where valid_to is null;

-- Which spend counts. No row in force: that of the last 12 months.
create table tier_windows (
    tenant_id bigint not null references tenants (id),
    time_window text not null check (time_window in
        ('lifetime', 'calendar-year', 'rolling-12-months', 'membership-year')),
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    primary key (tenant_id, valid_from)
);
create unique index tier_windows_in_force on tier_windows (tenant_id) where valid_to is null;

alter table memberships
    drop constraint memberships_source_check,
    add constraint memberships_source_check check (source in ('import', 'manual', 'spend')),
    -- No rule changes it.
    add column pinned boolean not null default false check (not pinned or source = 'manual'),
    -- What an import or a person has decided, where spend has raised it.
    add column under_tier_id integer,
    add column under_source text check (under_source in ('import', 'manual')),
    add foreign key (tenant_id, under_tier_id) references tiers (tenant_id, id),
    add check ((under_tier_id is null) = (under_source is null)),
    add check (under_tier_id is null or source = 'spend');

-- What rules have decided about a member's tier, with what they saw.
create table tier_decisions (
    tenant_id bigint not null,
    member_id uuid not null,
    -- From then on. The membership that follows, if one does, begins then.
    decided_at timestamptz not null,
    -- `raised` at once; `lowered` on a yearly date; `undone` by a refund.
    kind text not null check (kind in ('raised', 'lowered', 'undone')),
    from_tier_id integer,
    tier_id integer,
    -- What decides the membership that follows.
    source text check (source in ('import', 'manual', 'spend')),
    -- The spend that counted, and which that was: from and to before; null is open.
    time_window text not null,
    window_from timestamptz,
    window_until timestamptz,
    currency text not null,
    spend_minor bigint not null check (spend_minor >= 0),
    -- The rule that decided: of the tier that was reached, or of the one that is lost.
    rule_tier_id integer not null,
    rule_from timestamptz not null,
    threshold_minor bigint not null,
    -- The instant that it was decided for: orders and rules as of then.
    as_of timestamptz not null,
    -- The yearly date on which it was lowered, or the order by which it was raised or undone.
    review_on date,
    order_external_id text,
    run_id uuid,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, member_id, decided_at),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    foreign key (tenant_id, rule_tier_id, currency, rule_from)
        references tier_thresholds (tenant_id, tier_id, currency, valid_from),
    foreign key (tenant_id, from_tier_id) references tiers (tenant_id, id),
    foreign key (tenant_id, tier_id) references tiers (tenant_id, id),
    check ((tier_id is null) = (source is null)),
    check (tier_id is not null or from_tier_id is not null),
    check ((kind = 'lowered') = (review_on is not null)),
    check (kind <> 'raised' or (source = 'spend' and tier_id = rule_tier_id and spend_minor >= threshold_minor)),
    check (kind = 'raised' or (from_tier_id = rule_tier_id and spend_minor < threshold_minor))
);
create trigger tier_decisions_append_only before update or delete or truncate on tier_decisions
    for each statement execute function refuse_change();

-- That a tier will be lowered on a yearly date unless enough is spent before. One for a member and date.
create table tier_notices (
    tenant_id bigint not null,
    member_id uuid not null,
    review_on date not null,
    -- When that day begins.
    review_at timestamptz not null,
    -- The tier that is lost, and what would be left; null: none.
    from_tier_id integer not null,
    tier_id integer,
    -- What counted when it was given, and what it takes to keep the tier.
    currency text not null,
    spend_minor bigint not null check (spend_minor >= 0),
    threshold_minor bigint not null,
    -- The instant of the review that gave it, and when it really was given.
    as_of timestamptz not null,
    given_at timestamptz not null default clock_timestamp(),
    run_id uuid,
    -- What came of it on the date: `lowered`; `kept`, since enough was spent; `late`, since it was given too
    -- late for the date; `overtaken`, since the membership is another one by then.
    outcome text check (outcome in ('lowered', 'kept', 'late', 'overtaken')),
    settled_at timestamptz,
    primary key (tenant_id, member_id, review_on),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    foreign key (tenant_id, from_tier_id) references tiers (tenant_id, id),
    foreign key (tenant_id, tier_id) references tiers (tenant_id, id),
    check ((outcome is null) = (settled_at is null))
);
create index tier_notices_open on tier_notices (tenant_id, review_at) where outcome is null;

-- Which orders were paid by a member within a span.
create index orders_of_member on orders (tenant_id, member_id, paid_at) where rate_bps is not null;

do $$
declare
    name text;
begin
    foreach name in array array['tier_thresholds', 'tier_windows', 'tier_decisions', 'tier_notices'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert on %I to tradeup_app', name);
    end loop;
end
$$;
grant update on tier_thresholds, tier_windows, tier_notices to tradeup_app;

-- Whom a review as of an instant has to look at. What it then does is decided member by member; here is
-- only who may be concerned, so that a shop's other members are not planned:
--   * whose notice has come to its date;
--   * whose yearly date is 30 to 35 days ahead (as domain::tier_rules::window has it), without notice so far;
--   * who may be raised other than by an order: since then (a day before the review before; null: ever)
--     a rule began or ended, a membership ended, or a member came.
create function tier_review_due(of_tenant bigint, as_of timestamptz, since timestamptz)
    returns table (member_id uuid)
    language sql stable parallel safe
begin atomic
select n.member_id
from tier_notices n
where n.tenant_id = of_tenant and n.outcome is null and n.review_at <= as_of
union
select reviewed.member_id
from (
    select ms.member_id, (as_of at time zone t.zone)::date as today, (joined.at at time zone t.zone)::date as joined_on
    from tenants t
    join memberships ms on ms.tenant_id = t.id and ms.valid_to is null and ms.status = 'active'
        and (ms.source = 'spend' or (ms.source = 'import' and t.tier_reviews_imports))
    -- Who is in a tier for nothing can't lose it.
    join tier_thresholds th on th.tenant_id = t.id and th.tier_id = ms.tier_id and th.currency = t.currency
        and th.threshold_minor > 0 and th.valid_from <= as_of and (th.valid_to is null or th.valid_to > as_of)
    cross join lateral (
        select min(f.valid_from) as at from memberships f
        where f.tenant_id = t.id and f.member_id = ms.member_id and isfinite(f.valid_from)
    ) as joined
    where t.id = of_tenant
) as reviewed
-- Of a year: adding years clamps 29 February.
cross join lateral (values (reviewed.today + 30), (reviewed.today + 35)) as bound (day)
cross join lateral (
    select (reviewed.joined_on + make_interval(years =>
        extract(year from bound.day)::int - extract(year from reviewed.joined_on)::int))::date as review_on
) as yearly
where yearly.review_on between reviewed.today + 30 and reviewed.today + 35
    and yearly.review_on > reviewed.joined_on
    and not exists (
        select from tier_notices n
        where n.tenant_id = of_tenant and n.member_id = reviewed.member_id and n.review_on = yearly.review_on)
union
select m.id
from members m
left join lateral (
    select ms.status, ms.pinned, case when ms.valid_to is null then tiers.rank end as rank
    from memberships ms
    join tiers on tiers.tenant_id = ms.tenant_id and tiers.id = ms.tier_id
    where ms.tenant_id = of_tenant and ms.member_id = m.id
    order by ms.valid_from desc
    limit 1
) as held on true
where m.tenant_id = of_tenant
    and (since is null
        or exists (
            select from tier_thresholds th
            where th.tenant_id = of_tenant and (th.valid_from > since or th.valid_to > since))
        or exists (select from tier_windows w where w.tenant_id = of_tenant and w.valid_from > since)
        or m.created_at > since
        or exists (
            select from memberships ended
            where ended.tenant_id = of_tenant and ended.member_id = m.id and ended.valid_to > since))
    and coalesce(held.status, 'active') = 'active' and not coalesce(held.pinned, false)
    and exists (
        -- Gross, and of all time: at least what counts.
        select from tier_thresholds th
        join tiers on tiers.tenant_id = th.tenant_id and tiers.id = th.tier_id
        where th.tenant_id = of_tenant and th.valid_from <= as_of and (th.valid_to is null or th.valid_to > as_of)
            and (held.rank is null or tiers.rank < held.rank)
            and th.threshold_minor <= (
                select coalesce(sum(o.base_minor), 0) from orders o
                where o.tenant_id = of_tenant and o.member_id = m.id and o.rate_bps is not null));
end;
grant execute on function tier_review_due to tradeup_app;
