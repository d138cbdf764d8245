-- A trade-in, once for its source and submission.
-- $1 tenant  $2 id  $3 source  $4 submission  $5 what was submitted  $6 customer  $7 payout  $8 currency  $9 rule
-- $10 lines  $11 cash  $12 bonus  $13 quoted at  $14 valid until  $15 submitted at
insert into trade_ins (tenant_id, id, source, submission_id, submitted_sha256, member_external_id, state, payout,
    currency, rule_version, lines, cash_minor, bonus_minor, quoted_at, valid_until, submitted_at)
values ($1, $2, $3, $4, sha256(convert_to($5, 'UTF8')), $6, 'submitted', $7, $8, $9, $10, $11, $12, $13, $14, $15)
on conflict (tenant_id, source, submission_id) do nothing
returning id
