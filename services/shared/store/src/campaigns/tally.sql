-- What became of a batch's members by this run. Whose data was refused has failed, and nothing was done for them.
-- $1 tenant  $2 run of the batch  $3 campaign  $4 first member  $5 last member
with refused as (
    update campaign_members cm set outcome = 'failed', run_id = $2, at = clock_timestamp()
    from member_failures f
    where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id between $4 and $5 and cm.arm = 'treated'
        and cm.outcome is null and f.tenant_id = $1 and f.run_id = $2 and f.member_id = cm.member_id
    returning cm.member_id
)
select (select currency from campaigns where tenant_id = $1 and id = $3) as "currency!",
    count(*) filter (where cm.outcome in ('credited', 'extended', 'written'))::int as "affected!",
    coalesce(sum(cm.amount_minor), 0)::bigint as "affected_minor!",
    count(*) filter (where cm.outcome like 'skipped%')::int as "exempt!",
    (count(*) filter (where cm.outcome = 'failed') + (select count(*) from refused))::int as "failed!"
from campaign_members cm
where cm.tenant_id = $1 and cm.campaign_id = $3 and cm.member_id between $4 and $5 and cm.arm = 'treated'
    and cm.run_id = $2
