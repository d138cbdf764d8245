-- When there is something to do next for the pushes of a tenant; null if there is nothing that a run should wait
-- for. What waits for a person, or for its lot's release, is not waited for.
-- $1 tenant
select min(case p.state when 'unknown' then p.due_at else clock_timestamp() end) as next_at
from pushes p
where p.tenant_id = $1 and p.state in ('pending', 'unknown') and p.due_at is not null
    and (select wallet from tenants where id = $1) <> 'none'
    and (p.state = 'unknown' or (p.due_at <= clock_timestamp() and not exists (
        select from pushes q
        where q.tenant_id = p.tenant_id and q.member_id = p.member_id and q.currency = p.currency
            and q.state = 'unknown')))
