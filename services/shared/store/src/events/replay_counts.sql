-- What a replay has done with its events so far.
-- $1 the run that it began with
select coalesce(sum((result ->> 'sent')::bigint), 0)::bigint as "sent!",
    coalesce(sum((result ->> 'erased')::bigint), 0)::bigint as "erased!",
    coalesce(sum((result ->> 'unfinished')::bigint), 0)::bigint as "unfinished!",
    coalesce(sum((result ->> 'dead')::bigint), 0)::bigint as "dead!",
    coalesce(sum((result ->> 'unhandled')::bigint), 0)::bigint as "unhandled!",
    coalesce(sum((result ->> 'unreadable')::bigint), 0)::bigint as "unreadable!"
from runs
where root_id = $1 and task = 'replay-events'
