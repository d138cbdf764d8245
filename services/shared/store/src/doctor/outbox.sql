-- Messages that should have gone, by what is wrong: nobody takes them (untaken), the broker does not
-- take them (refused), or they are published and nobody claims their run (unclaimed).
-- Each turn puts a message off: 5 seconds, doubling. So the first turn was that long before the next.
with aged as (
    select kind, turns, extract(epoch from now() - next_publish_at)::float8 as late,
        extract(epoch from now() - next_publish_at)::float8 + 5 * (2 ^ turns - 1) as due_for
    from outbox
    where held_by is null
), grouped as (
    select case when late > 0 then 'untaken' when kind = 'job' then 'unclaimed' else 'refused' end as what,
        case when late > 0 then late else due_for end as seconds
    from aged
    where late > 0 or turns > 0
)
select what as "what!", count(*) as "messages!", max(seconds) as "seconds!"
from grouped
group by what
