-- Draws a campaign's members from its snapshot: who is still there, each into an arm by a hash of both ids, so that a second
-- draw is the same.
-- $1 tenant  $2 campaign
insert into campaign_members (tenant_id, campaign_id, member_id, arm)
select $1, $2, s.member_id,
    case when ('x' || left(md5($2::uuid::text || s.member_id::text), 7))::bit(28)::int % 10000 < c.hold_out_bps
        then 'held_out' else 'treated' end
from campaigns c
join member_snapshots s on s.tenant_id = $1 and s.snapshot_id = c.snapshot_id
    and (c.segment = 'all' or s.segment = c.segment or (c.segment = 'expiring' and s.expiring_30d_minor > 0))
    and (c.tier is null or (c.tier = 'none' and s.tier_id is null)
        or s.tier_id = (select t.id from tiers t where t.tenant_id = $1 and t.handle = c.tier))
join members m on m.tenant_id = $1 and m.id = s.member_id
    and m.merged_into is null and m.deleted_at is null and m.redacted_at is null
where c.tenant_id = $1 and c.id = $2
order by s.member_id
on conflict do nothing
