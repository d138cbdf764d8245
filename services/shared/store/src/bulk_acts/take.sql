-- An act that nobody works on: a cancellation first, as it keeps something from happening; then the one that was let
-- go longest ago.
-- $1 lease in seconds
update bulk_acts
set leased_until = clock_timestamp() + make_interval(secs => $1)
where id = (
    select id from bulk_acts
    where state = 'running' and (leased_until is null or leased_until <= clock_timestamp())
    order by act = 'cancel' desc, leased_until nulls first, id
    limit 1
    for update skip locked)
returning id, act, filter, asked_by, reason, total, created_at, reached as "reached: RunId", seen, changed, state,
    error, ended_at
