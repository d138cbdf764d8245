-- Cheap look before the counting of settle_parent.sql.
select not exists (select from runs c where c.parent_id = $1 and c.finished_at is null)
    and not exists (select from batches b where b.parent_run_id = $1 and b.state = 'planned') as "yes!"
