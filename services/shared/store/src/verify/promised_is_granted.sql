-- For each succeeded monthly run: the members whom it promised a credit, as they were as of the run
-- and known when it was planned, against the lots of its period. Recorded failures are not missing, nor is
-- who had become a part of another member before the run was done.
with promised as (
    select r.id as run_id, split_part(r.key, '/', 1) as period, ms.member_id,
        r.finished_at
    from runs r
    join tiers_held ms on ms.tenant_id = $1 and ms.status = 'active'
        and ms.valid_from <= r.scheduled_for and (ms.valid_to is null or ms.valid_to > r.scheduled_for)
        and ms.recorded_at <= r.started_at
    join tenants t on t.id = ms.tenant_id
    join tier_amounts a on a.tenant_id = ms.tenant_id and a.tier_id = ms.tier_id and a.currency = t.currency
        and a.valid_from <= r.scheduled_for and (a.valid_to is null or a.valid_to > r.scheduled_for)
        and a.amount_minor > 0
    where r.tenant_id = $1 and r.task = 'monthly-credits-tenant' and r.state = 'succeeded'
        -- In shadow nothing is promised; see shadow_moves_nothing.
        and not exists (select from shadow_runs s where s.tenant_id = $1 and s.run_id = r.id)
)
select count(*) over () as "violations!", 'member ' || p.member_id as "subject!",
    format('run %s promised a credit for %s, there is none', p.run_id, p.period) as "detail!"
from promised p
left join lots l on l.tenant_id = $1 and l.member_id = p.member_id
    and l.reason = 'monthly' and l.source_key = p.period
where l.id is null
    and not exists (
        select from members m
        where m.tenant_id = $1 and m.id = p.member_id and m.merged_at <= p.finished_at)
    and not exists (
        select from member_failures f
        -- Of one of its batches, or its own.
        join runs b on b.id = f.run_id and (b.parent_id = p.run_id or b.id = p.run_id)
        where f.tenant_id = $1 and f.member_id = p.member_id)
order by p.member_id
limit $2
