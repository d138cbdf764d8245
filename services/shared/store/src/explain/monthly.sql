-- What there is about a member and a period, step by step.
-- $1 tenant  $2 member  $3 period  $4 as of
with lot as (
    select l.*, e.recorded_at as booked_at
    from lots l
    left join ledger_entries e on e.tenant_id = $1 and e.lot_id = l.id and e.kind = 'grant'
    where l.tenant_id = $1 and l.member_id = $2 and l.reason = 'monthly' and l.source_key = $3
), tenant_run as (
    select r.* from runs r
    where r.tenant_id = $1 and r.task = 'monthly-credits-tenant'
        and (r.key = $3 or r.key like $3 || '/%')
    order by
        -- The run that granted it, by itself or by a batch, or the latest.
        (r.id = (select lot.run_id from lot) or r.id = (select b.parent_id from runs b join lot on lot.run_id = b.id)) desc nulls last,
        r.id desc
    limit 1
), batch as (
    select b.run_id, coalesce(r.state, b.state) as state, r.error from batches b
    left join runs r on r.id = b.run_id
    where b.parent_run_id = (select id from tenant_run) and $2 between b.first_member_id and b.last_member_id
    order by b.seq
    limit 1
), membership as (
    select ms.*, tiers.handle as tier, a.amount_minor
    from tiers_held ms
    join tenants t on t.id = ms.tenant_id
    join tiers on tiers.tenant_id = ms.tenant_id and tiers.id = ms.tier_id
    left join tier_amounts a
        on a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
        and a.valid_from <= $4 and (a.valid_to is null or a.valid_to > $4)
    where ms.tenant_id = $1 and ms.member_id = $2
        and ms.valid_from <= $4 and (ms.valid_to is null or ms.valid_to > $4)
)
select
    (select d.decision from fire_decisions d join schedules s on s.id = d.schedule_id
        where s.name = 'monthly-credits' and (s.tenant_id is null or s.tenant_id = $1)
            and $4 between d.fire_at and d.until
        order by s.tenant_id nulls last limit 1) as "decision",
    root.id as "root_run: RunId", root.state as "root_state?",
    t.id as "tenant_run: RunId", t.state as "tenant_state?", t.error as "tenant_error?", t.started_at as "planned_at?",
    batch.run_id as "batch_run: RunId", batch.state as "batch_state?", batch.error as "batch_error?",
    m.tier as "tier?", m.status as "membership?", m.source as "source?", m.valid_from as "member_since?", m.recorded_at as "learnt_at?",
    m.amount_minor as "amount_minor?",
    (select f.code || ': ' || f.reason from member_failures f
        where f.tenant_id = $1 and f.run_id = batch.run_id and f.member_id = $2) as "failure",
    lot.id as "lot_id?", lot.granted_minor as "granted_minor?", lot.remaining_minor as "remaining_minor?",
    (select i.external_id from imported_credits i where i.tenant_id = $1 and i.lot_id = lot.id) as "imported_as",
    (select e.amount_minor from shadow_effects e
        where e.tenant_id = $1 and e.kind = 'grant' and e.key = $3 and e.member_id = $2) as "shadow_minor",
    exists (select from shadow_runs s where s.tenant_id = $1 and s.run_id = t.id) as "in_shadow!",
    lot.run_id as "granted_by: RunId", lot.booked_at as "booked_at?", lot.ends_at as "ends_at?"
from (values (1)) as one (row)
left join tenant_run t on true
left join runs root on root.id = coalesce(t.parent_id,
    (select r.id from runs r where r.task = 'monthly-credits' and r.tenant_id is null and r.key = $3))
left join batch on true
left join membership m on true
left join lot on true
