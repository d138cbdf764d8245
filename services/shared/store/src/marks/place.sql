-- A mark above all others, if it is above the recorded one too. No row: somebody else has just placed it.
-- $1 id  $2 the recorded mark's number  $3 marks that are kept  $4 whether to leap over the recorded one
with cleared as (
    delete from database_marks where n <= (select max(n) from database_marks) - $3::bigint
)
insert into database_marks (n, id)
select next.n, $1
from (
    select case when $4 then greatest(coalesce(max(n), 0), $2) else coalesce(max(n), 0) end + 1 as n
    from database_marks
) as next
where next.n > $2
on conflict (n) do nothing
returning n, at
