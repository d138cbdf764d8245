-- Deletes single members of snapshots of which sums are kept.
-- $1 tenant  $2 rows at most
with deleted as (
    delete from member_snapshots m
    where m.tenant_id = $1 and (m.snapshot_id, m.member_id) in (
        select of.snapshot_id, of.member_id from snapshots s
        join member_snapshots of on of.tenant_id = $1 and of.snapshot_id = s.id
        where s.tenant_id = $1 and s.state = 'cells' limit $2)
    returning 1
)
select count(*) as "rows!" from deleted
