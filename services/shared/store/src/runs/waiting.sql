-- Runs that wait for children, oldest first; with batches still planned, or ready to end.
-- All that wait are found before they are put in order: in that of the ids, a plan may go through all runs there are.
with waiting as materialized (
    select id from runs where finished_at is null and state = 'waiting'
)
select r.id as "run_id!: RunId",
    exists (select from batches b where b.parent_run_id = r.id and b.state = 'planned') as "has_planned!"
from waiting r
order by r.id
limit $1
