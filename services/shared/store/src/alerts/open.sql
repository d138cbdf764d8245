-- Opens an alert for each finding that has none, and notes that the others are still to be seen.
-- $1 findings
insert into alerts as a (id, rule, subject, tenant_id, summary, page)
select gen_random_uuid(), f.rule, f.subject, f.tenant_id, f.summary, f.page
from (
    select distinct on (rule, subject) * from jsonb_to_recordset($1::jsonb) as f (rule text, subject text, tenant_id bigint, summary text, page text)
    order by rule, subject
) as f
-- One that was switched off meanwhile opens nothing.
join alert_rules r on r.rule = f.rule and r.enabled
order by f.rule, f.subject
on conflict (rule, subject) where resolved_at is null
    do update set seen_at = now(), summary = excluded.summary, page = excluded.page
returning id, (opened_at = now()) as "is_new!"
