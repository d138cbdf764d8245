-- What had ended by the latest expiration that succeeded has nothing left but what is authorised. What was
-- given back since is the next one's, and so is what a hold has set free since.
select count(*) over () as "violations!", 'lot ' || l.id as "subject!",
    format('ended %s with %s left, the expiration of %s has succeeded', l.ends_at, l.remaining_minor - l.held_minor,
        r.scheduled_for) as "detail!"
from (
    select scheduled_for, started_at from runs
    where tenant_id = $1 and task = 'credit-expiration-tenant' and state = 'succeeded'
        -- In shadow nothing ends.
        and not exists (select from shadow_runs s where s.tenant_id = $1 and s.run_id = runs.id)
    order by scheduled_for desc
    limit 1
) as r
join lots l on l.tenant_id = $1 and l.ends_at <= r.scheduled_for and l.remaining_minor > l.held_minor
where (select wallet from tenants where id = $1) <> 'shopify'
    and not exists (
        select from ledger_entries e
        where e.tenant_id = $1 and e.lot_id = l.id and e.amount_minor > 0 and e.recorded_at >= r.started_at)
    and not exists (
        select from hold_parts p
        join holds h on h.tenant_id = p.tenant_id and h.key = p.hold_key
        where p.tenant_id = $1 and p.lot_id = l.id and h.ended_at >= r.started_at)
    and not exists (
        select from member_failures f
        join runs b on b.id = f.run_id and b.task = 'credit-expiration-batch'
        where f.tenant_id = $1 and f.member_id = l.member_id)
order by l.id
limit $2
