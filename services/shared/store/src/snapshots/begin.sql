-- The row of a snapshot, new or taken up anew; locked until the transaction ends.
-- $1 tenant  $2 id, if it is new  $3 as of
insert into snapshots as s (tenant_id, id, as_of, currency, zone)
select t.id, $2, $3, t.currency, t.zone from tenants t where t.id = $1
on conflict (tenant_id, as_of) do update set state = 'empty', currency = excluded.currency, zone = excluded.zone
returning id
