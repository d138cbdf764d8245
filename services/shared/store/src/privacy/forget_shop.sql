-- Forgets everybody of a shop, and its tokens.
-- $1 tenant
with forgotten as (
    update members m
    set email = null, first_name = null, last_name = null, phone = null, locale = null, country = null, tags = null,
        accepts_email_marketing = false, redacted_at = coalesce(m.redacted_at, clock_timestamp()), updated_at = now()
    where m.tenant_id = $1 and m.redacted_at is null
    returning 1
), emptied as (
    update events e set body = null, erased_at = clock_timestamp()
    where e.tenant_id = $1 and e.body is not null
    returning 1
), blanked as (
    update dead_letters d set message = ''
    where d.tenant_id = $1 and d.run_id is null and length(d.message) > 0
    returning 1
), closed as (
    update shops s
    set access_token = '', refresh_token = case when s.refresh_token is not null then ''::bytea end,
        state = 'disconnected', error_code = coalesce(s.error_code, 'TU0403'),
        error = coalesce(s.error, 'the shop is gone, and its tokens are erased'), generation = s.generation + 1
    where s.tenant_id = $1
    returning 1
), unseen as (
    delete from member_snapshots s where s.tenant_id = $1
    returning 1
), ungrouped as (
    delete from snapshot_groups g where g.tenant_id = $1
    returning 1
), unaliased as (
    delete from agent_aliases a where a.tenant_id = $1
    returning a.run_id
), unrun as (
    update agent_runs r set erased_at = clock_timestamp() where r.tenant_id = $1 and r.erased_at is null
    returning 1
), unanswered as (
    update agent_turns t set content = null where t.tenant_id = $1 and t.content is not null
    returning 1
), uncalled as (
    update tool_calls c set input = null, content = null
    where c.tenant_id = $1 and (c.input is not null or c.content is not null)
    returning 1
), untold as (
    update agent_notes n set content = '' where n.tenant_id = $1 and n.content <> ''
    returning 1
)
select (select count(*) from forgotten) as "members!", (select count(*) from emptied) as "events!",
    (select count(*) from blanked) as "dead_letters!", (select count(*) from closed) as "tokens!",
    (select count(*) from unrun) as "agent_runs!",
    (select count(*) from unanswered) + (select count(*) from uncalled) + (select count(*) from untold)
        as "agent_texts!"
