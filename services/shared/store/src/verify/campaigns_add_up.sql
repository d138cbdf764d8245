-- Each campaign: what it gave or kept alive against its members, its lots, their ends and its limit; what its batches report;
-- and nobody who was held out has anything of it.
select count(*) over () as "violations!", subject as "subject!", detail as "detail!"
from (
    select 'campaign ' || c.id as subject, format('says %s given or kept, its members have %s, its lots %s', c.spent_minor,
        coalesce(m.minor, 0), coalesce(l.minor, 0) + coalesce(k.minor, 0)) as detail
    from campaigns c
    left join (select campaign_id, sum(amount_minor) as minor from campaign_members where tenant_id = $1 group by 1) as m
        on m.campaign_id = c.id
    left join (select source_key, sum(granted_minor) as minor from lots
        where tenant_id = $1 and reason = 'campaign' group by 1) as l on l.source_key = c.id::text
    left join (select campaign_id, sum(kept_minor) as minor from campaign_lots where tenant_id = $1 group by 1) as k
        on k.campaign_id = c.id
    where c.tenant_id = $1
        and (c.spent_minor <> coalesce(m.minor, 0) or c.spent_minor <> coalesce(l.minor, 0) + coalesce(k.minor, 0)
            or c.spent_minor > c.cost_limit_minor and not (c.kind = 'extension' and c.cost_limit_minor = 0))
    union all
    select 'campaign ' || cm.campaign_id, format('is done, and nothing was for %s of its members', count(*))
    from campaigns c
    join campaign_members cm on cm.tenant_id = $1 and cm.campaign_id = c.id and cm.arm = 'treated' and cm.outcome is null
    where c.tenant_id = $1 and c.state = 'done'
    group by cm.campaign_id
    union all
    select 'lot ' || l.id, format('is a campaign''s, and member %s was not to get %s', l.member_id, l.granted_minor)
    from lots l
    left join campaigns c on c.tenant_id = $1 and c.id::text = l.source_key
    left join campaign_members cm on cm.tenant_id = $1 and cm.campaign_id = c.id and cm.member_id = l.member_id
        and cm.outcome = 'credited' and cm.amount_minor = l.granted_minor and c.credit_minor = l.granted_minor
    where l.tenant_id = $1 and l.reason = 'campaign' and cm.member_id is null
    union all
    select 'member ' || cm.member_id, format('has %s of campaign %s, in lots of %s', cm.amount_minor, cm.campaign_id,
        coalesce(k.minor, 0))
    from campaign_members cm
    full join (select campaign_id, member_id, sum(kept_minor) as minor from campaign_lots where tenant_id = $1 group by 1, 2) as k
        on k.campaign_id = cm.campaign_id and k.member_id = cm.member_id and cm.tenant_id = $1
    where cm.tenant_id = $1 and (cm.outcome = 'extended') is distinct from (k.minor is not null) and cm.outcome is not null
        or cm.tenant_id = $1 and k.minor is not null and (cm.outcome is null or cm.amount_minor <> k.minor)
    union all
    -- Of several campaigns the last one, which is the latest end: none lets anything end sooner.
    select 'lot ' || l.id, format('was to end %s, and ends %s', max(k.ends_at), l.ends_at)
    from campaign_lots k
    join lots l on l.tenant_id = $1 and l.id = k.lot_id
    where k.tenant_id = $1
    group by l.id, l.ends_at having l.ends_at is distinct from max(k.ends_at)
    union all
    select 'campaign ' || d.campaign_id, format('has written to member %s, who is held out', d.member_id)
    from digests d
    join campaign_members cm on cm.tenant_id = $1 and cm.campaign_id = d.campaign_id and cm.member_id = d.member_id
        and cm.arm = 'held_out'
    where d.tenant_id = $1 and d.campaign_id is not null
    union all
    select format('batch %s of run %s', b.seq, b.parent_run_id), format('reports %s members and %s, its run has seen to %s with %s',
        b.affected, b.affected_minor, coalesce(s.members, 0), coalesce(s.minor, 0))
    from batches b
    join batch_plans p on p.parent_run_id = b.parent_run_id and p.task = 'campaign-batch'
    left join (
        select run_id, count(*) as members, sum(amount_minor) as minor from campaign_members
        where tenant_id = $1 and outcome in ('credited', 'extended', 'written') group by run_id
    ) as s on s.run_id = b.run_id
    where b.tenant_id = $1 and b.state = 'done'
        and (b.affected <> coalesce(s.members, 0) or b.affected_minor <> coalesce(s.minor, 0))
) as broken
order by subject
limit $2
