-- Credits given one by one: each succeeded run against its lot, and each lot against its run. Runs that
-- ended long ago are not kept; a later run of the same key finds their credit given.
select count(*) over () as "violations!",
    case when l.id is null then 'run ' || r.id else 'lot ' || l.id end as "subject!",
    case when r.id is null then format('no succeeded run %s has its key', l.run_id)
        when l.id is null then 'it has succeeded, its credit is not there'
        when l.run_id <> r.id then format('written by run %s, its key is that of run %s', l.run_id, r.id)
        when l.member_id::text is distinct from r.result ->> 'member_id'
            and l.merged_into::text is distinct from r.result ->> 'member_id'
            then format('is member %s''s, run %s gave it to member %s', l.member_id, r.id, r.result ->> 'member_id')
        else format('granted %s %s, run %s gave %s %s', l.granted_minor, l.currency, r.id,
            r.result ->> 'amount_minor', r.result ->> 'currency')
    end as "detail!"
from (
    -- Of a run and its replays the one that has granted, under the key of all of them; a preview grants nothing.
    select distinct on (key) id, key, result from (
        select id, regexp_replace(key, '^(replay:[0-9a-f-]{36}:)+', '') as key, result from runs
        where tenant_id = $1 and task = 'grant-credit' and state = 'succeeded' and key !~ '^preview:[0-9a-f-]{36}:'
    ) as done
    order by key, (result ->> 'outcome' = 'granted') desc, id
) as r
full join (
    -- Whose member has become a part of another may be told as that one.
    select l.id, l.member_id, m.merged_into, l.source_key, l.currency, l.granted_minor, l.run_id,
        l.run_id <= k.runs_deleted_through as outlives_its_run
    from lots l
    join members m on m.tenant_id = $1 and m.id = l.member_id
    cross join retention k
    where l.tenant_id = $1 and l.reason = 'granted'
) as l on l.source_key = r.key
where l.id is null
    or (r.id is null and l.outlives_its_run is not true)
    or (r.id is not null and (
        l.run_id <> r.id and not (l.outlives_its_run is true and r.result ->> 'outcome' = 'already_granted')
        or (l.member_id::text is distinct from r.result ->> 'member_id'
            and l.merged_into::text is distinct from r.result ->> 'member_id')
        or l.granted_minor::text is distinct from r.result ->> 'amount_minor'
        or l.currency is distinct from r.result ->> 'currency'))
order by coalesce(l.id, r.id)
limit $2
