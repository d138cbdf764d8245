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
), undone as (
    -- Of members who are alike there may be one: they are added up no more, and members are read one by one.
    update snapshots s set spend_steps = null
    where s.tenant_id = $1 and s.spend_steps is not null
        and exists (select from member_snapshots m join found on found.id = m.member_id
            where m.tenant_id = $1 and m.snapshot_id = s.id)
    returning s.id
), ungrouped as (
    delete from snapshot_groups g using undone where g.tenant_id = $1 and g.snapshot_id = undone.id
    returning 1
), unseen as (
    -- Other sums that they are in are of many.
    delete from member_snapshots s using found
    where s.tenant_id = $1 and s.snapshot_id in (select id from snapshots where tenant_id = $1) and s.member_id = found.id
    returning 1
), unaliased as (
    -- What agents call them goes, with every text that names it: m_7 and not m_71, whatever stands before it, since
    -- texts are JSON as it came, in which a line may begin as \nm_7.
    delete from agent_aliases a using found where a.tenant_id = $1 and a.member_id = found.id
    returning a.run_id, 'm_' || a.alias || '(?![0-9])' as named
), unanswered as (
    update agent_turns t set content = null from unaliased u
    where t.tenant_id = $1 and t.run_id = u.run_id and t.content ~* u.named
    returning 1
), uncalled as (
    update tool_calls c set input = null, content = null from unaliased u
    where c.tenant_id = $1 and c.run_id = u.run_id and (c.input ~* u.named or c.content ~* u.named)
    returning 1
), untold as (
    update agent_notes n set content = '' from unaliased u
    where n.tenant_id = $1 and n.run_id = u.run_id and n.content ~* u.named
    returning 1
)
select (select count(*) from forgotten) as "members!", (select count(*) from emptied) as "events!",
    (select count(*) from blanked) as "dead_letters!", (select count(*) from unaliased) as "agent_runs!",
    (select count(*) from unanswered) + (select count(*) from uncalled) + (select count(*) from untold)
        as "agent_texts!"
