select count(*) over () as "violations!", 'member ' || member_id as "subject!",
    format('a membership began %s, before the one from %s had ended', next_from, valid_from) as "detail!"
from (
    select member_id, valid_from, valid_to,
        lead(valid_from) over (partition by member_id order by valid_from) as next_from
    from memberships where tenant_id = $1
) as m
where next_from < coalesce(valid_to, 'infinity')
order by member_id
limit $2
