-- How many runs match by their state now, of the newest $8. Narrowed as in list.sql, and planned anew as well.
select state as "state!", count(*) as "runs!"
from (
    select r.state
    from runs r
    where ($1::text is null or r.task = $1)
        and ($2::text is null or r.state = $2)
        and ($2::text is null or $2 in ('succeeded', 'dead', 'cancelled') or r.finished_at is null)
        and ($2::text is null or $2 not in ('dead', 'cancelled')
            or (r.finished_at is not null and r.error is not null))
        and ($3::text is null or r.tenant_id = (select id from tenants where handle = $3))
        and ($4::boolean or r.parent_id is null)
        and ($5::text is null or (r.tags <> '{}' and r.tags @> array[$5]))
        and ($6::text is null or r.key like $6)
        and ($7::timestamptz is null or r.created_at >= $7)
        and ($9::timestamptz is null or r.created_at < $9)
        and ($10::uuid is null or r.id >= $10)
        and ($11::uuid is null or r.id < $11)
        and ($12::text is null or r.trigger = $12)
        and ($13::text is null or r.error_code = $13)
    order by r.id desc
    limit $8
) as found
group by state
