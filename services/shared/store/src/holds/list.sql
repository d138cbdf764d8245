-- A member's holds, newest first, as they are now: one whose time is over has expired, booked or not.
-- $1 tenant  $2 member  $3 whether only those that hold something
select h.key, h.source, h.reference, h.currency, h.amount_minor, h.reason, h.actor, h.authorised_at, h.capture_until,
    case when h.state = 'authorised' and h.capture_until <= now() then 'expired' else h.state end as "state!",
    h.captured_minor, h.ended_at, h.ended_by, h.end_reason
from holds h
where h.tenant_id = $1 and h.member_id = $2
    and (not $3 or h.state = 'authorised' and h.capture_until > now())
order by h.authorised_at desc, h.key
