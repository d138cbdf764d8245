select count(*) over () as "violations!", subject as "subject!", detail as "detail!"
from (
    select 'digest ' || d.id as subject, 'was sent and warns of nothing' as detail
    from digests d
    where d.tenant_id = $1 and d.campaign_id is null and d.state in ('sent', 'sending', 'unknown')
        and not exists (select from warnings w where w.tenant_id = $1 and w.digest_id = d.id)
    union all
    select 'digest ' || d.id, format('is of campaign %s, which has %s', d.campaign_id,
        case when c.outcome is null then 'not seen to its member' else 'passed over its member: ' || c.outcome end)
    from digests d
    join campaign_members c on c.tenant_id = $1 and c.campaign_id = d.campaign_id and c.member_id = d.member_id
    where d.tenant_id = $1 and d.campaign_id is not null
        and (c.outcome is null or c.outcome not in ('credited', 'extended', 'written'))
    union all
    select 'digest ' || d.id, format('is of campaign %s and warns of credit', d.campaign_id)
    from digests d
    where d.tenant_id = $1 and d.campaign_id is not null
        and exists (select from warnings w where w.tenant_id = $1 and w.digest_id = d.id)
    union all
    select 'lot ' || w.lot_id, format('is in digest %s of %s', w.digest_id,
        case when d.id is null then 'nobody' when d.member_id <> w.member_id then 'another member'
            else 'a day before it could be warned of' end)
    from warnings w
    left join digests d on d.tenant_id = w.tenant_id and d.id = w.digest_id
    where w.tenant_id = $1 and w.digest_id is not null
        and (d.id is null or d.member_id <> w.member_id or w.expires_at > d.written_at + interval '7 days')
) as broken
order by subject
limit $2
