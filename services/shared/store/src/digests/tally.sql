-- What became of a batch's members: warned, failed, or with a reason why not. The others were warned before.
-- $1 tenant  $2 run of the batch
with failed as (
    select member_id from member_failures where tenant_id = $1 and run_id = $2
), mailed as (
    select distinct member_id from digests
    where tenant_id = $1 and run_id = $2 and state <> 'dropped'
    except select member_id from failed
), spared as (
    (select member_id from digests where tenant_id = $1 and run_id = $2 and state = 'dropped'
        union
        select member_id from warnings where tenant_id = $1 and run_id = $2 and suppressed is not null)
    except (select member_id from failed union select member_id from mailed)
)
select (select count(*) from mailed)::int as "warned!", (select count(*) from failed)::int as "failed!",
    (select count(*) from spared)::int as "exempt!",
    (select t.state <> 'active' or not t.warns from tenants t where t.id = $1) as "switched_off!"
