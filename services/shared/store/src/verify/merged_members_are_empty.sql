-- Who has become a part of another member has nothing left that could be spent, owes nothing, is in no tier, and
-- is a part of somebody who is nobody's part.
select count(*) over () as "violations!", 'member ' || subject as "subject!", detail as "detail!"
from (
    select m.id as subject, format('lot %s has %s left', l.id, l.remaining_minor) as detail
    from members m
    join lots l on l.tenant_id = $1 and l.member_id = m.id and l.remaining_minor > 0
        -- What had ended by then stays, and expires.
        and (l.ends_at is null or l.ends_at > m.merged_at)
    where m.tenant_id = $1 and m.merged_into is not null
    union all
    select m.id, format('owes %s %s', a.debt_minor, a.currency)
    from members m
    join accounts a on a.tenant_id = $1 and a.member_id = m.id and a.debt_minor > 0
    where m.tenant_id = $1 and m.merged_into is not null
    union all
    select m.id, format('hold %s is open', h.key)
    from members m
    join holds h on h.tenant_id = $1 and h.member_id = m.id and h.state = 'authorised'
    where m.tenant_id = $1 and m.merged_into is not null
    union all
    select m.id, format('is in a tier since %s', ms.valid_from)
    from members m
    join memberships ms on ms.tenant_id = $1 and ms.member_id = m.id and ms.valid_to is null
    where m.tenant_id = $1 and m.merged_into is not null
    union all
    select m.id, format('is a part of %s, who is a part of %s', k.id, k.merged_into)
    from members m
    join members k on k.tenant_id = $1 and k.id = m.merged_into and k.merged_into is not null
    where m.tenant_id = $1
) as broken
order by subject, detail
limit $2
