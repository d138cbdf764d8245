-- Takes messages that are due; whoever does not come back leaves them to be due again.
-- $1 channel  $2 limit  $3 lease in seconds
with due as (
    select id from alert_notices
    where ended_at is null and due_at <= now() and channel = $1
    order by due_at limit $2
    for update skip locked
)
update alert_notices n set tries = n.tries + 1, due_at = now() + make_interval(secs => $3)
from due where n.id = due.id
returning n.id, n.channel, n.opened, n.resolved, n.reminded, n.created_at, n.tries
