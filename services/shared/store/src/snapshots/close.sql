-- Snapshots whose single members are not needed any more.
-- $1 tenant  $2 days  $3 days where a plan was made of it
update snapshots s set state = 'cells'
where s.tenant_id = $1 and s.state <> 'cells' and s.made_at < now() - make_interval(days => $2)
    and (s.made_at < now() - make_interval(days => $3)
        or not exists (
            select from agent_runs r
            join plans p on p.tenant_id = r.tenant_id and p.run_id = r.run_id
            where r.tenant_id = $1 and r.as_of = s.as_of))
