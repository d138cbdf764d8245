-- What came of a try, if it is still the latest; and since when its endpoint fails.
-- $1 tenant  $2 delivery  $3 try  $4 state  $5 again after seconds  $6 took  $7 status  $8 error  $9 endpoint
with written as (
    update deliveries
    set state = $4, leased_until = null, took_ms = $6, status = $7, error = $8,
        due_at = case when $5::float8 is not null then now() + make_interval(secs => $5) else due_at end,
        ended_at = case when $4 <> 'pending' then clock_timestamp() end
    where tenant_id = $1 and id = $2 and tries = $3 and state = 'pending'
    returning id, sends
), noted as (
    insert into delivery_tries (tenant_id, delivery_id, number, took_ms, status, error)
    select $1, id, sends, $6, $7, $8 from written
), endpoint as (
    update endpoints
    set failing_since = case when $4 <> 'delivered' then coalesce(failing_since, clock_timestamp()) end,
        failures = case when $4 <> 'delivered' then failures + 1 else 0 end
    where tenant_id = $1 and id = $9 and (select count(*) from written) = 1
        and ($4 <> 'delivered' or failing_since is not null)
), woken as (
    insert into delivery_wakes (tenant_id, due_at)
    select $1, now() + make_interval(secs => $5) from written where $5::float8 is not null
)
select exists (select from written) as "written!"
