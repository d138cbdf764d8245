-- Notes how far a shop was asked, and what was found so far.
-- $1 tenant  $2 what  $3 changed until  $4 looked at  $5 found  $6 left out  $7 whether all of it was looked at
insert into shop_cursors as c (tenant_id, what, changed_until, looked_at, found, left_out, searched_at)
values ($1, $2, $3, $4, $5, $6, case when $7::boolean then clock_timestamp() end)
on conflict (tenant_id, what) do update
-- It goes on only, whatever comes late.
set changed_until = greatest(c.changed_until, excluded.changed_until), looked_at = excluded.looked_at,
    found = excluded.found, left_out = excluded.left_out,
    searched_at = coalesce(excluded.searched_at, c.searched_at),
    bulk_gid = case when $7 then null else c.bulk_gid end,
    bulk_since = case when $7 then null else c.bulk_since end,
    bulk_begun_at = case when $7 then null else c.bulk_begun_at end
