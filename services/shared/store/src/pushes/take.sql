-- The next push of a tenant that can be told, or whose outcome can be looked for; locked. Each account's in
-- their order, one under way at a time. What it was told in a time that a restore has lost is not known: a push that
-- was neither told nor looked for since is looked for there.
-- $1 tenant  $2 days after a restore in which that is done
select p.id, p.seq, p.state, p.lot_id, p.member_id, p.currency, p.amount_minor, p.net_minor, p.sends, p.looks,
    p.sent_at, p.expires_at, m.external_id, a.account_gid as "account_gid?", a.newest_gid as "newest_gid?",
    l.ends_at as "ends_at?", t.wallet, lost.since as "lost_since?", lost.until as "lost_until?",
    clock_timestamp() as "now!"
from pushes p
join tenants t on t.id = p.tenant_id
join members m on m.tenant_id = p.tenant_id and m.id = p.member_id
left join shop_accounts a on a.tenant_id = p.tenant_id and a.member_id = p.member_id and a.currency = p.currency
left join lots l on l.tenant_id = p.tenant_id and l.id = p.lot_id and l.member_id = p.member_id
    and l.currency = p.currency
cross join lateral (
    select min(r.lost_from) as since, max(r.accepted_at) as until from restores r
    where r.accepted_at > clock_timestamp() - make_interval(days => $2)
        and coalesce(greatest(p.sent_at, p.looked_at) < r.accepted_at, true)
        -- Decided by what the shop has by now.
        and not (p.kind = 'repair' and p.created_at >= r.accepted_at)
) as lost
where p.tenant_id = $1 and p.state in ('pending', 'unknown')
    -- Asked for once: an index can't be searched for a time that may change with each row.
    and p.due_at <= (select clock_timestamp())
    -- A wallet that was switched off is told nothing, and told all of it when it is switched on again.
    and t.wallet <> 'none'
    and (p.state = 'unknown' or not exists (
        select from pushes q
        where q.tenant_id = p.tenant_id and q.member_id = p.member_id and q.currency = p.currency
            and (q.state in ('sending', 'unknown')
                or (q.state = 'pending' and q.seq < p.seq and q.due_at <= clock_timestamp()))))
order by p.due_at, p.seq
limit 1
for update of p skip locked
