-- Runs that wait for children, oldest first; with batches still planned, or ready to end.
select r.id as "run_id!: RunId",
    exists (select from batches b where b.parent_run_id = r.id and b.state = 'planned') as "has_planned!"
from runs r
where r.finished_at is null and r.state = 'waiting'
order by r.id
limit $1
