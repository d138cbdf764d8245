-- Where the searches of a connected shop fall behind, or leave something out.
-- $1 tenant
select w.what as "what!", behind.since as behind_since, coalesce(c.left_out, 0) as "left_out!"
from shops s
cross join (values ('orders'), ('customers')) as w (what)
left join shop_cursors c on c.tenant_id = s.tenant_id and c.what = w.what
left join lateral (
    select coalesce(c.changed_until, s.connected_at) as since
    -- The schedule is daily: one search may be missed.
    where coalesce(c.changed_until, s.connected_at) < now() - interval '2 days'
) as behind on true
where s.tenant_id = $1 and s.state = 'connected' and (behind.since is not null or c.left_out > 0)
order by w.what desc
