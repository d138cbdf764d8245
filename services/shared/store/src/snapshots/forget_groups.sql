-- Deletes those who are alike of snapshots of which sums are kept.
-- $1 tenant  $2 rows at most
with deleted as (
    delete from snapshot_groups g
    where g.tenant_id = $1 and (g.snapshot_id, g.part) in (
        select of.snapshot_id, of.part from snapshots s
        join snapshot_groups of on of.tenant_id = $1 and of.snapshot_id = s.id
        where s.tenant_id = $1 and s.state = 'cells' limit $2)
    returning 1
)
select count(*) as "rows!" from deleted
