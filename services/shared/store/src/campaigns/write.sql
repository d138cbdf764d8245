-- Writes down a campaign's mails for those of a batch for whom something was done by this run, or for whom the mail is all that is
-- done; who may not be written to is passed over. Consent is looked at once more when a mail is sent.
-- $1 tenant  $2 run of the batch  $3 campaign  $4 first member  $5 last member  $6 ids for the mails
with addressed as (
    select cm.member_id, coalesce(m.locale, t.locale) as locale, t.zone, row_number() over (order by cm.member_id) as n
    from campaign_members cm
    join campaigns c on c.tenant_id = $1 and c.id = $3
    join tenants t on t.id = $1
    join members m on m.tenant_id = $1 and m.id = cm.member_id
    where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id between $4 and $5 and cm.arm = 'treated'
        and (cm.outcome in ('credited', 'extended') and cm.run_id = $2 or c.kind = 'mail' and cm.outcome is null)
        and m.accepts_email_marketing and mail_suppressed($1, m.id, 'campaign', m.email) is null
), written as (
    insert into digests (tenant_id, id, member_id, day, locale, zone, run_id, campaign_id)
    select $1, coalesce(($6::uuid[])[a.n], gen_random_uuid()), a.member_id, (now() at time zone 'UTC')::date, a.locale, a.zone, $2, $3
    from addressed a
    order by a.member_id
    on conflict (tenant_id, campaign_id, member_id) where campaign_id is not null do nothing
)
update campaign_members cm
set outcome = case when a.member_id is null then 'skipped_unreachable' else 'written' end, run_id = $2, at = clock_timestamp()
from campaign_members o
left join addressed a on a.member_id = o.member_id
where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id = o.member_id
    and o.tenant_id = $1 and o.campaign_id = $3 and o.member_id between $4 and $5 and o.arm = 'treated'
    and o.outcome is null and (select kind from campaigns where tenant_id = $1 and id = $3) = 'mail'
