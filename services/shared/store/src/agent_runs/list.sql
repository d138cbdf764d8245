select run.run_id as "run_id: RunId", run.kind, run.goal, run.as_of, run.state, run.outcome,
    (select count(*) from agent_turns t where t.tenant_id = run.tenant_id and t.run_id = run.run_id) as "turns!",
    run.facts, run.spent_nano, run.reserved_nano, run.unknown_nano, run.epoch, run.began_at, run.ended_at,
    run.erased_at,
    exists (select from plans p where p.tenant_id = run.tenant_id and p.run_id = run.run_id) as "has_plan!"
from agent_runs run
where run.tenant_id = $1 and ($2::uuid is null or run.run_id = $2)
order by run.run_id desc
limit $3
