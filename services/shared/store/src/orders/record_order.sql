-- An order as the shop system knows it; a version as old as the one that is known, or older, changes
-- nothing. Its currency is its own for ever.
-- $1 tenant  $2 order  $3 customer  $4 currency  $5 content  $6 paid at  $7 version  $8 needs fulfilment  $9 test
-- $10 sent at  $11 made at
update orders
set member_external_id = coalesce($3, member_external_id), currency = coalesce(currency, $4), facts = $5,
    -- Reckoned anew before it is settled.
    base_minor = coalesce(base_minor, 0), 
    -- Until its rate is frozen the earliest that is told counts.
    paid_at = case when rate_bps is null then least(paid_at, $6) else paid_at end, version_at = $7, version_tie = $10,
    needs_fulfilment = $8, test = $9, created_at = coalesce(created_at, $11)
where tenant_id = $1 and external_id = $2
    and (version_at is null or (version_at, coalesce(version_tie, version_at)) < ($7, $10))
