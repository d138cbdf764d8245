-- Each event that was routed has its run, and each run of an event its event. Runs that ended long ago are
-- not kept.
select count(*) over () as "violations!",
    case when r.id is null then 'event ' || e.id else 'run ' || r.id end as "subject!",
    case when r.id is null then format('was routed to run %s, there is none', e.run_id)
        else 'was created by an event, there is none'
    end as "detail!"
from (select id, run_id from events where tenant_id = $1 and state = 'routed') as e
full join (
    select id from runs r where tenant_id = $1 and trigger = 'event'
        -- Two customers who are one are handed on, under the same key.
        and not (r.task = 'merge-members' and exists (
            select from runs h join events o on o.tenant_id = $1 and o.run_id = h.id
            where h.tenant_id = $1 and h.task = 'handle-customer-merged' and h.key = r.key))
) as r on r.id = e.run_id
where e.id is null
    or (r.id is null and (e.run_id <= (select runs_deleted_through from retention)) is not true)
order by coalesce(e.id, r.id)
limit $2
