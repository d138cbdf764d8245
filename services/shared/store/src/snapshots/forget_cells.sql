-- Deletes snapshots of which nothing but sums is left, with those.
-- $1 tenant  $2 days
with old as (
    select s.id from snapshots s
    where s.tenant_id = $1 and s.state = 'cells' and s.made_at < now() - make_interval(days => $2)
    limit 10
), cells as (
    delete from snapshot_cells c using old where c.tenant_id = $1 and c.snapshot_id = old.id
    returning 1
), gone as (
    -- After its sums.
    delete from snapshots s using old where s.tenant_id = $1 and s.id = old.id and (select count(*) from cells) >= 0
    returning 1
)
select count(*) as "snapshots!" from gone
