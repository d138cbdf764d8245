-- Opens an alert for each finding that has none, and notes that the others are still to be seen.
-- $1 findings
insert into alerts as a (id, rule, subject, tenant_id, summary, page)
select gen_random_uuid(), f.rule, f.subject, f.tenant_id, f.summary, f.page
from jsonb_to_recordset($1::jsonb) as f (rule text, subject text, tenant_id bigint, summary text, page text)
order by f.rule, f.subject
on conflict (rule, subject) where resolved_at is null
    do update set seen_at = now(), summary = excluded.summary, page = excluded.page
returning id, (opened_at = now()) as "is_new!"
