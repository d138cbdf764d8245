-- Alerts: those that are open, and those that ended within some days.
-- $1 days
select a.id, a.rule, a.subject, t.handle as "tenant_handle?", a.summary, a.page, a.opened_at, a.seen_at,
    a.acknowledged_at, a.acknowledged_by, a.resolved_at
from alerts a left join tenants t on t.id = a.tenant_id
where a.resolved_at is null or a.resolved_at > now() - make_interval(days => $1)
order by a.resolved_at is not null, a.acknowledged_at is not null, coalesce(a.resolved_at, a.opened_at) desc, a.id
limit 500
