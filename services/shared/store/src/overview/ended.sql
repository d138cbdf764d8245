-- How runs ended, by the minute, from an instant on.
-- $1 from
select date_trunc('minute', finished_at) as "minute!", state as "state!", count(*) as "runs!"
from runs
where finished_at >= $1
group by 1, 2
order by 1, 2
