-- How far a cause reaches: what died of it and nobody has seen to.
-- $1 fingerprint
select max(d.code) as "code!", max(d.task) as task, count(*) as "letters!",
    coalesce(array_agg(distinct t.handle order by t.handle) filter (where t.handle is not null), '{}') as "tenants!",
    coalesce(sum(b.members), 0)::bigint as "members!"
from dead_letters d
left join tenants t on t.id = d.tenant_id
left join batches b on b.run_id = d.run_id
where d.fingerprint = $1 and d.resolution is null
having count(*) > 0
