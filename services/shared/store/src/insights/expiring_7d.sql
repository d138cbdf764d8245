-- The members who lose the most credit within these days, as their index has them; of one tier when it is asked for.
-- $1 tenant  $2 snapshot  $3 tier, null for none  $4 whether of a tier  $5 how many
select s.member_id, t.handle as "tier?", s.segment, s.recency_days, s.risk, s.spend_365d_minor, s.balance_minor,
    s.expiring_7d_minor as expiring_minor
from member_snapshots s
left join tiers t on t.tenant_id = $1 and t.id = s.tier_id
where s.tenant_id = $1 and s.snapshot_id = $2 and s.expiring_7d_minor > 0
    and (not $4 or s.tier_id is not distinct from $3)
order by s.expiring_7d_minor desc, s.member_id
limit $5
