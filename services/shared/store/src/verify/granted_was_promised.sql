-- Each monthly lot against the tier and amount as of the run that wrote it.
select count(*) over () as "violations!", 'lot ' || l.id as "subject!",
    case when b.id is null then format('run %s is unknown', l.run_id)
        when a.amount_minor is null then format('member %s was promised nothing for %s', l.member_id, l.source_key)
        else format('granted %s for %s, promised %s', l.granted_minor, l.source_key, a.amount_minor)
    end as "detail!"
from lots l
left join runs b on b.id = l.run_id
left join tiers_held ms on ms.tenant_id = $1 and ms.member_id = l.member_id and ms.status = 'active'
    and ms.valid_from <= b.scheduled_for and (ms.valid_to is null or ms.valid_to > b.scheduled_for)
left join tier_amounts a on a.tenant_id = $1 and a.tier_id = ms.tier_id and a.currency = l.currency
    and a.valid_from <= b.scheduled_for and (a.valid_to is null or a.valid_to > b.scheduled_for)
where l.tenant_id = $1 and l.reason = 'monthly'
    -- Runs that ended long ago are not kept.
    and (b.id is not null or l.run_id > (select coalesce(runs_deleted_through,
        '00000000-0000-0000-0000-000000000000') from retention))
    and (b.id is null or l.granted_minor is distinct from a.amount_minor)
order by l.id
limit $2
