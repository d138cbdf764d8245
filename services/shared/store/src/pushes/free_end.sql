-- The latest whole second before a lot's end that no other credit of the account has at the shop.
-- $1 tenant  $2 member  $3 currency  $4 end of the lot
select at as "at!" from generate_series(1, 3600) as n
cross join lateral (select date_trunc('second', $4::timestamptz - interval '1 millisecond') - (n - 1) * interval '1 second' as at) as end_of
where not exists (
    select from pushes p
    where p.tenant_id = $1 and p.member_id = $2 and p.currency = $3 and p.expires_at = at)
order by n
limit 1
