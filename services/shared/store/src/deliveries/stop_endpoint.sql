-- Takes an endpoint out of use, and gives up what waits for it.
-- $1 tenant  $2 endpoint  $3 why  $4 for good
with stopped as (
    update endpoints set state = case when $4 then 'removed' else 'disabled' end, disabled_because = $3,
        disabled_at = clock_timestamp()
    where tenant_id = $1 and id = $2 and (state = 'active' or ($4 and state = 'disabled'))
    returning id
), ended as (
    update deliveries d
    set state = case when $4 then 'dropped' else 'failed' end, error = coalesce(d.error, $3), leased_until = null,
        ended_at = clock_timestamp()
    from stopped
    where d.tenant_id = $1 and d.endpoint_id = stopped.id and d.state = 'pending'
)
select exists (select from stopped) as "stopped!"
