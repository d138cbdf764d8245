-- One message to each channel about what was found together.
-- $1 channels  $2 opened  $3 resolved  $4 reminded
insert into alert_notices (id, channel, opened, resolved, reminded)
select gen_random_uuid(), channel, $2::uuid[], $3::uuid[], $4::uuid[]
from alert_channels
where channel = any ($1)
