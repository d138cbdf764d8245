select count(*) over () as "violations!", subject as "subject!", detail as "detail!"
from (
    select 'lot ' || lot_id as subject, format('has %s warnings of its end at %s', count(*), expires_at) as detail
    from warnings where tenant_id = $1
    group by lot_id, kind, expires_at having count(*) > 1
    union all
    select 'member ' || member_id, format('has %s mails of %s', count(*), day)
    from digests where tenant_id = $1 and campaign_id is null
    group by member_id, day having count(*) > 1
    union all
    select 'member ' || member_id, format('has %s mails of campaign %s', count(*), campaign_id)
    from digests where tenant_id = $1 and campaign_id is not null
    group by member_id, campaign_id having count(*) > 1
) as broken
order by subject
limit $2
