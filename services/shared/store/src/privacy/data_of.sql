-- All that is kept of a member, as JSON.
-- $1 tenant  $2 member
select
    to_jsonb(m) - 'tenant_id' as "profile!",
    (select coalesce(jsonb_agg(jsonb_build_object('tier', t.handle, 'status', ms.status, 'from', ms.valid_from,
            'until', ms.valid_to) order by ms.valid_from), '[]')
        from memberships ms join tiers t on t.tenant_id = $1 and t.id = ms.tier_id
        where ms.tenant_id = $1 and ms.member_id = m.id) as "memberships!",
    (select coalesce(jsonb_agg(jsonb_build_object('order', p.order_external_id, 'tier', t.handle, 'months', p.months,
            'bought_at', p.bought_at, 'from', p.from_at, 'until', p.until_at) order by p.bought_at), '[]')
        from membership_purchases p join tiers t on t.tenant_id = $1 and t.id = p.tier_id
        where p.tenant_id = $1 and p.member_id = m.id) as "purchases!",
    (select coalesce(jsonb_agg(jsonb_build_object('lot', l.id, 'reason', l.reason, 'class', l.value_class,
            'currency', l.currency, 'granted_minor', l.granted_minor, 'remaining_minor', l.remaining_minor,
            'available_at', l.available_at, 'expires_at', l.expires_at) order by l.created_at, l.id), '[]')
        from lots l where l.tenant_id = $1 and l.member_id = m.id) as "credits!",
    (select coalesce(jsonb_agg(jsonb_build_object('lot', e.lot_id, 'kind', e.kind, 'currency', e.currency,
            'amount_minor', e.amount_minor, 'at', e.effective_at, 'recorded_at', e.recorded_at)
            order by e.recorded_at, e.id), '[]')
        from ledger_entries e where e.tenant_id = $1 and e.member_id = m.id) as "movements!",
    (select coalesce(jsonb_agg(jsonb_build_object('order', o.external_id, 'currency', o.currency,
            'paid_at', o.paid_at, 'eligible_minor', o.base_minor, 'earned_minor', o.posted_minor)
            order by o.paid_at, o.external_id), '[]')
        from orders o where o.tenant_id = $1 and o.member_external_id = m.external_id) as "orders!",
    (select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'state', d.state, 'at', d.ended_at,
            'campaign', d.campaign_id) order by d.day, d.id), '[]')
        from digests d where d.tenant_id = $1 and d.member_id = m.id) as "mails!",
    (select coalesce(jsonb_agg(jsonb_build_object('campaign', c.campaign_id, 'arm', c.arm, 'outcome', c.outcome,
            'amount_minor', c.amount_minor, 'at', c.at, 'later_ends', (
                select coalesce(jsonb_agg(jsonb_build_object('lot', k.lot_id, 'ended_at', k.ended_at, 'ends_at', k.ends_at)
                    order by k.lot_id), '[]')
                from campaign_lots k
                where k.tenant_id = $1 and k.campaign_id = c.campaign_id and k.member_id = m.id)) order by c.campaign_id), '[]')
        from campaign_members c where c.tenant_id = $1 and c.member_id = m.id) as "campaigns!",
    (select coalesce(jsonb_agg(jsonb_build_object('event', e.id, 'source', e.source, 'topic', e.topic,
            'received_at', e.received_at, 'body', encode(e.body, 'escape')) order by e.id), '[]')
        from events e where e.tenant_id = $1 and e.customer = m.external_id and e.body is not null) as "events!",
    (select coalesce(jsonb_agg(jsonb_build_object('run', r.run_id, 'task', r.kind, 'as_of', r.as_of,
            'known_as', 'm_' || a.alias) order by r.run_id), '[]')
        from agent_aliases a join agent_runs r on r.tenant_id = a.tenant_id and r.run_id = a.run_id
        where a.tenant_id = $1 and a.member_id = m.id) as "agents!"
from members m
where m.tenant_id = $1 and m.id = $2
