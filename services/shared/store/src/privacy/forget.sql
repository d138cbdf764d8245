-- Forgets a person, by customer id or by address. Who asks by address may be known by an id: then by that, too.
-- $1 tenant  $2 customer  $3 address, lower case
with found as (
    select id, external_id from members
    where tenant_id = $1 and (external_id = $2 or lower(email) = $3)
), ids as (
    select external_id from found union select $2 where $2 is not null
), forgotten as (
    update members m
    set email = null, first_name = null, last_name = null, phone = null, locale = null, country = null, tags = null,
        accepts_email_marketing = false, redacted_at = coalesce(m.redacted_at, clock_timestamp()), updated_at = now()
    from found
    where m.tenant_id = $1 and m.id = found.id
    returning 1
), emptied as (
    update events e set body = null, erased_at = clock_timestamp()
    where e.tenant_id = $1 and e.body is not null
        and (e.customer in (select external_id from ids)
            -- What tells no customer may still name the address.
            or (e.customer is null and $3 is not null and position(convert_to($3, 'UTF8') in lower_ascii(e.body)) > 0))
    returning 1
), blanked as (
    update dead_letters d set message = ''
    where d.tenant_id = $1 and d.run_id is null and length(d.message) > 0
        and (exists (select from ids where position(convert_to(external_id, 'UTF8') in d.message) > 0)
            or ($3 is not null and position(convert_to($3, 'UTF8') in lower_ascii(d.message)) > 0))
    returning 1
)
select (select count(*) from forgotten) as "members!", (select count(*) from emptied) as "events!",
    (select count(*) from blanked) as "dead_letters!"
