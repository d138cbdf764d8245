-- Nothing was booked, claimed or written by a run that was planned in shadow, or below it.
select count(*) over () as "violations!", 'run ' || b.id as "subject!",
    format('planned in shadow by run %s, and there is %s', s.run_id, found.what) as "detail!"
from shadow_runs s
cross join lateral (
    select id from runs where id = s.run_id
    union all
    select id from runs where parent_id = s.run_id
) as b
cross join lateral (
    select 'entry ' || e.id as what from ledger_entries e where e.tenant_id = $1 and e.run_id = b.id
    union all
    select 'mail ' || d.id from digests d where d.tenant_id = $1 and d.run_id = b.id
) as found
where s.tenant_id = $1
order by b.id
limit $2
