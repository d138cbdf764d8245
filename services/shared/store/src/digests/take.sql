-- Marks a mail as being sent by this attempt, unless there is nothing to warn of any more or nobody to be
-- written to: then it is dropped. No row: it is not pending, or the run is not this attempt's any more.
-- $1 tenant  $2 digest  $3 run that sends it  $4 its attempt
with told as (
    select d.id, m.email, m.first_name,
        case
            -- A campaign's mail: consent is looked at as it is now.
            when d.campaign_id is not null then case
                when t.state <> 'active' then 'shop'
                when c.state = 'stopped' or m.merged_into is not null or m.deleted_at is not null then 'campaign'
                when not m.accepts_email_marketing then 'no_consent'
                else mail_suppressed($1, d.member_id, 'campaign', m.email) end
            when t.state <> 'active' or not t.warns then 'shop'
            when not exists (
                select from warnings w
                join lots l on l.tenant_id = w.tenant_id and l.id = w.lot_id and l.member_id = w.member_id
                    and l.currency = w.currency
                -- Another end than it warns of: a campaign has given the lot more time.
                where w.tenant_id = $1 and w.digest_id = d.id and l.expires_at = w.expires_at and l.expires_at > now()
                    and l.remaining_minor > held_at(l.held_minor, l.tenant_id, l.id, now())) then 'spent'
            else mail_suppressed($1, d.member_id, 'credit_expiry', m.email)
        end as because
    from digests d
    join tenants t on t.id = d.tenant_id
    join members m on m.tenant_id = d.tenant_id and m.id = d.member_id
    left join campaigns c on c.tenant_id = d.tenant_id and c.id = d.campaign_id
    where d.tenant_id = $1 and d.id = $2
)
update digests d
set state = case when told.because is null then 'sending' else 'dropped' end,
    dropped_because = told.because,
    sender_run_id = $3,
    sender_attempt = $4,
    tries = d.tries + (told.because is null)::int,
    taken_at = case when told.because is null then now() else d.taken_at end,
    ended_at = case when told.because is null then null else now() end
from told
where d.tenant_id = $1 and d.id = told.id and d.state = 'pending'
    and exists (select from runs r where r.id = $3 and r.attempt = $4 and r.state = 'running')
returning d.dropped_because, told.email, told.first_name
