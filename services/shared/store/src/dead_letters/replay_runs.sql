-- Gives dead runs their task's attempts anew. Whoever waited for them and was given up for that waits
-- again. What had taken effect stays: keys protect it. Returns the runs that will be tried.
-- $1 runs  $2 new payload, or null  $3 code of runs whose children failed  $4 runs a second
-- $5 outbox ids, one for each run
with recursive revived as (
    update runs
    set state = 'queued', finished_at = null, error_code = null, error = null, result = null,
        max_attempts = null, payload = coalesce($2, payload)
    where id = any($1) and state = 'dead'
    returning id, parent_id
), ancestors as (
    select p.id, p.parent_id from revived c join runs p on p.id = c.parent_id
    where p.state = 'waiting' or p.state = 'dead' and p.error_code = $3
    union
    select p.id, p.parent_id from ancestors c join runs p on p.id = c.parent_id
    where p.state = 'waiting' or p.state = 'dead' and p.error_code = $3
), waiting as (
    -- Also those that still wait: one that is being ended at this moment, and does not see yet what is revived here, is
    -- written anew, either after its end or before, and then it is not ended (settle_parents.sql).
    update runs r
    set state = 'waiting', finished_at = null, error_code = null, error = null,
        result = case r.state when 'waiting' then r.result end
    where r.id in (select id from ancestors) and (r.state = 'waiting' or r.state = 'dead' and r.error_code = $3)
), released as (
    update batches b set state = 'released' from revived where b.run_id = revived.id and b.state = 'dead'
), numbered as (
    select id, row_number() over (order by id) as n from revived
), written as (
    -- Spread over time: the sweep publishes each when its turn has come.
    insert into outbox (id, kind, run_id, next_publish_at)
    select i.id, 'job', numbered.id, now() + make_interval(secs => (numbered.n - 1) / $4::float8)
    from numbered join unnest($5::uuid[]) with ordinality as i (id, n) using (n)
)
select id as "id!: RunId" from revived
