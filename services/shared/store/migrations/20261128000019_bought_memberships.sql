-- Memberships that are bought as a product: what each order has bought, when it runs, and the tier that follows from
-- it, which ends by itself.

create table membership_purchases (
    tenant_id bigint not null,
    order_external_id text not null,
    tier_id integer not null,
    member_id uuid not null,
    -- The version of the enrolment rule that says what was bought: the one in force when it was paid.
    rule_version integer not null check (rule_version > 0),
    bought_at timestamptz not null,
    -- How many pieces, and for how many months all of them together; less what was refunded.
    pieces bigint not null check (pieces >= 0),
    months integer not null check (months between 0 and 1200),
    -- When it runs, by all that the member has bought; null if it was refunded in full. Until when the same tier goes
    -- on without a break.
    from_at timestamptz,
    until_at timestamptz check (until_at > from_at),
    unbroken_until_at timestamptz check (unbroken_until_at >= until_at),
    recorded_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, order_external_id, tier_id),
    foreign key (tenant_id, order_external_id) references orders (tenant_id, external_id),
    foreign key (tenant_id, tier_id) references tiers (tenant_id, id),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check ((months = 0) = (pieces = 0) and (months = 0) = (from_at is null) and (from_at is null) = (until_at is null)
        and (until_at is null) = (unbroken_until_at is null))
);
create index membership_purchases_of_member on membership_purchases (tenant_id, member_id);
create index membership_purchases_running on membership_purchases (tenant_id, until_at) where until_at is not null;

alter table membership_purchases enable row level security;
alter table membership_purchases force row level security;
create policy tenant_isolation on membership_purchases using (tenant_id = app_tenant_id());
grant select, insert, update on membership_purchases to tradeup_app;

-- Checks that name what may decide a membership: what was bought may, too; and under it may be what spend has reached.
do $$
declare
    old record;
begin
    for old in
        select conrelid::regclass as relation, conname from pg_constraint
        where contype = 'c' and (
            conrelid = 'memberships'::regclass and pg_get_constraintdef(oid) ~ 'source'
                and pg_get_constraintdef(oid) !~ 'pinned' and pg_get_constraintdef(oid) !~ 'under_source IS NULL'
            or conrelid = 'tier_decisions'::regclass and pg_get_constraintdef(oid) ~ 'ARRAY'
                and pg_get_constraintdef(oid) ~ '\(source' )
    loop
        execute format('alter table %s drop constraint %I', old.relation, old.conname);
    end loop;
end
$$;
alter table memberships
    add check (source in ('import', 'manual', 'spend', 'purchase')),
    add check (under_source in ('import', 'manual', 'spend')),
    add check (under_tier_id is null or source in ('spend', 'purchase')),
    add check (under_source is distinct from 'spend' or source = 'purchase'),
    -- When it ends by itself. From then on what is under it holds, whether or not that has been written down.
    add column until_at timestamptz,
    add check ((until_at is not null) = (source = 'purchase'));
create index memberships_that_end on memberships (tenant_id, member_id) where until_at is not null;
alter table tier_decisions
    add check (source in ('import', 'manual', 'spend', 'purchase'));

-- Members' tiers as time has them. Whoever asks for a tier as of an instant asks here: what was bought ends by itself,
-- and what is under it follows at once.
create view tiers_held with (security_invoker = true) as
select tenant_id, member_id, tier_id, status, source, valid_from, least(valid_to, until_at) as valid_to, pinned,
    recorded_at
from memberships
-- Ended before it began: its order was told of late.
where until_at is null or until_at > valid_from
union all
select tenant_id, member_id, under_tier_id, status, under_source, greatest(until_at, valid_from), valid_to, false,
    recorded_at
from memberships
where until_at is not null and under_tier_id is not null and (valid_to is null or valid_to > until_at);
grant select on tiers_held to tradeup_app;

create or replace function monthly_outcomes(of_tenant bigint, of_period text, as_of timestamptz, happened boolean)
    returns table (member_id uuid, external_id text, tier text, outcome text, currency text, amount_minor bigint)
    language sql stable parallel safe
begin atomic
with members_as_of as (
    select m.id as member_id, m.external_id, tiers.handle as tier, t.currency,
        case when ms.status = 'active' then a.amount_minor end as amount_minor,
        l.granted_minor, l.currency as lot_currency,
        case when ms.status is null then 'no_tier' when ms.status <> 'active' then 'not_active'
            when a.amount_minor is null then 'no_amount' when a.amount_minor = 0 then 'zero_amount' end as reason
    from members m
    join tenants t on t.id = m.tenant_id
    left join tiers_held ms on ms.tenant_id = m.tenant_id and ms.member_id = m.id
        and ms.valid_from <= as_of and (ms.valid_to is null or ms.valid_to > as_of)
    left join tiers on tiers.tenant_id = ms.tenant_id and tiers.id = ms.tier_id
    left join tier_amounts a
        on a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
        and a.valid_from <= as_of and (a.valid_to is null or a.valid_to > as_of)
    left join lots l
        on l.tenant_id = m.tenant_id and l.member_id = m.id and l.reason = 'monthly' and l.source_key = of_period
    where m.tenant_id = of_tenant
        -- Who has become a part of another member gets nothing any more, and keeps what was granted before.
        and (m.merged_into is null or l.id is not null)
)
select member_id, external_id, tier,
    case
        when happened and granted_minor is not null and reason is not null then 'unexpected'
        when happened and granted_minor is not null and granted_minor <> amount_minor then 'other_amount'
        when happened and granted_minor is not null then 'as_promised'
        when granted_minor is not null then 'already_granted'
        when reason is not null then reason
        when happened then 'missing'
        else 'to_grant'
    end as outcome,
    coalesce(lot_currency, currency) as currency,
    case when granted_minor is not null then granted_minor when reason is null then amount_minor else 0 end
        as amount_minor
from members_as_of;
end;

-- Whom a review as of an instant has to look at. What it then does is decided member by member; here is
-- only who may be concerned, so that a shop's other members are not planned:
--   * whose notice has come to its date;
--   * whose yearly date is 30 to 35 days ahead (as domain::tier_rules::window has it), without notice so far;
--   * whose bought membership has ended or begun, and the tier is not yet the one that follows;
--   * who may be raised other than by an order: since then (a day before the review before; null: ever)
--     a rule began or ended, a membership ended, or a member came.
create or replace function tier_review_due(of_tenant bigint, as_of timestamptz, since timestamptz)
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
select ended.member_id
from memberships ended
where ended.tenant_id = of_tenant and ended.valid_to is null and ended.until_at <= as_of
union
select p.member_id
from membership_purchases p
join tiers on tiers.tenant_id = of_tenant and tiers.id = p.tier_id
left join lateral (
    select ms.status, ms.pinned, ms.valid_to, held.rank
    from memberships ms
    join tiers held on held.tenant_id = ms.tenant_id and held.id = ms.tier_id
    where ms.tenant_id = of_tenant and ms.member_id = p.member_id
    order by ms.valid_from desc
    limit 1
) as latest on true
where p.tenant_id = of_tenant and p.from_at <= as_of and p.until_at > as_of
    and (latest.status is null or latest.status = 'active' and not latest.pinned
        and (latest.valid_to is not null or latest.rank > tiers.rank))
    and not exists (
        select from members m
        where m.tenant_id = of_tenant and m.id = p.member_id and m.merged_into is not null)
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

-- Credit whose end comes days of grace after the date that its member is told: looked for by that date.
create index lots_with_grace on lots (tenant_id, expires_at) where remaining_minor > 0 and ends_at > expires_at;
