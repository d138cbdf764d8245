-- Lets promotional credit end later that ends within 30 days of the plan's instant, for those of a batch who have not been seen
-- to, as far as the campaign's limit reaches, in the order of their ids. What has ended stays so. Accounts and the campaign's
-- row are locked. Days are the shop's: the hour of the end stays.
-- $1 tenant  $2 run of the batch  $3 campaign  $4 first member  $5 last member  $6 what may still be kept alive
with open as (
    select cm.member_id, c.currency, c.extend_days, c.as_of + interval '30 days' as within, t.zone
    from campaign_members cm
    join campaigns c on c.tenant_id = $1 and c.id = $3
    join tenants t on t.id = $1
    where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id between $4 and $5
        and cm.arm = 'treated' and cm.outcome is null
), ending as (
    select o.member_id, l.id as lot_id, l.currency, l.remaining_minor, l.ends_at,
        (l.expires_at at time zone o.zone + make_interval(days => o.extend_days)) at time zone o.zone as new_expires_at,
        (l.ends_at at time zone o.zone + make_interval(days => o.extend_days)) at time zone o.zone as new_ends_at
    from open o
    join lots l on l.tenant_id = $1 and l.member_id = o.member_id and l.currency = o.currency
    where l.value_class = 'promotional' and l.remaining_minor > 0 and l.available_at <= clock_timestamp()
        and l.ends_at > clock_timestamp() and l.ends_at <= o.within
), kept as (
    select member_id, sum(remaining_minor) as minor, sum(sum(remaining_minor)) over (order by member_id) as so_far
    from ending
    group by member_id
), extended as (
    update lots l set expires_at = e.new_expires_at, ends_at = e.new_ends_at
    from ending e
    join kept k on k.member_id = e.member_id and k.so_far <= $6::bigint
    where l.tenant_id = $1 and l.id = e.lot_id and l.member_id = e.member_id and l.currency = e.currency
    returning l.id, l.member_id, l.currency, l.remaining_minor, e.ends_at as ended_at, l.ends_at
), noted as (
    insert into campaign_lots (tenant_id, campaign_id, lot_id, member_id, currency, kept_minor, ended_at, ends_at)
    select $1, $3, id, member_id, currency, remaining_minor, ended_at, ends_at from extended order by id
), spent as (
    update campaigns set spent_minor = spent_minor + (select coalesce(sum(remaining_minor), 0) from extended)::bigint
    where tenant_id = $1 and id = $3
)
update campaign_members cm
set outcome = case when k.member_id is null then 'skipped_nothing' when k.so_far <= $6::bigint then 'extended' else 'skipped_cap' end,
    amount_minor = case when k.so_far <= $6::bigint then k.minor::bigint else 0 end, run_id = $2, at = clock_timestamp()
from open o
left join kept k on k.member_id = o.member_id
where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id = o.member_id
