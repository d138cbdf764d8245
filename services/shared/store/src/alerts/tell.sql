-- One message to each channel that some console has in its settings, whichever has found it.
-- $1 opened  $2 resolved  $3 reminded
insert into alert_notices (id, channel, opened, resolved, reminded)
select gen_random_uuid(), channel, $1::uuid[], $2::uuid[], $3::uuid[]
from alert_channels
where seen_at > now() - interval '2 hours'
