-- Deletes single members of snapshots that are old; what is left of those are sums.
-- $1 tenant  $2 days  $3 days where a plan was made of it  $4 rows at most
with old as (
    select s.id from snapshots s
    where s.tenant_id = $1 and s.state <> 'cells' and s.made_at < now() - make_interval(days => $2)
        and (s.made_at < now() - make_interval(days => $3)
            or not exists (
                select from agent_runs r
                join plans p on p.tenant_id = r.tenant_id and p.run_id = r.run_id
                where r.tenant_id = $1 and r.as_of = s.as_of))
    order by s.made_at limit 10
), deleted as (
    delete from member_snapshots m
    where m.tenant_id = $1 and (m.snapshot_id, m.member_id) in (
        select of.snapshot_id, of.member_id from member_snapshots of
        join old on old.id = of.snapshot_id
        where of.tenant_id = $1 limit $4)
    returning 1
), emptied as (
    -- From the first row on: who asks for it meanwhile makes it anew.
    update snapshots s set state = 'cells' from old
    where s.tenant_id = $1 and s.id = old.id
        and (select count(*) from deleted) < $4
    returning 1
)
select (select count(*) from deleted) + (select count(*) from emptied) as "rows!"
