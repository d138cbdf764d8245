-- An order as the shop system knows it; a version as old as the one that is known, or older, changes
-- nothing. Its currency is its own for ever.
-- $1 tenant  $2 order  $3 customer  $4 currency  $5 base  $6 paid at  $7 version  $8 needs fulfilment  $9 test
update orders
set member_external_id = coalesce($3, member_external_id), currency = coalesce(currency, $4), base_minor = $5,
    paid_at = coalesce(paid_at, $6), version_at = $7, needs_fulfilment = $8, test = $9
where tenant_id = $1 and external_id = $2 and (version_at is null or version_at < $7)
