-- Sends deliveries that have ended once more, under their ids.
-- $1 tenant  $2 delivery  $3 endpoint  $4 state  $5 event  $6 happened from  $7 before
with again as (
    update deliveries d
    set state = 'pending', due_at = now(), leased_until = null, tries = 0, ended_at = null
    from endpoints e
    where d.tenant_id = $1 and e.tenant_id = $1 and e.id = d.endpoint_id and e.state = 'active'
        and d.state in ('delivered', 'failed')
        and ($2::uuid is null or d.id = $2)
        and ($3::uuid is null or d.endpoint_id = $3)
        and ($4::text is null or d.state = $4)
        and ($5::text is null or d.event = $5)
        and ($6::timestamptz is null or d.happened_at >= $6)
        and ($7::timestamptz is null or d.happened_at < $7)
    returning d.id
), woken as (
    insert into delivery_wakes (tenant_id) select $1 from again limit 1
)
select count(*) as "count!" from again
