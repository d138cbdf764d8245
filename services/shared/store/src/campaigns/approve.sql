-- Makes the campaign of a proposal from its terms, once.
-- $1 tenant  $2 campaign  $3 run of the plan  $4 key  $5 who  $6 run that carries it out
insert into campaigns (tenant_id, id, run_id, key, name, kind, segment, tier, snapshot_id, as_of, subject, body, currency,
    credit_minor, credit_ends_within_days, extend_days, hold_out_bps, cost_limit_minor, horizon_days, approved_by,
    start_run_id)
select $1, $2, i.run_id, i.key, i.name, t.kind, t.segment, t.tier, t.snapshot, t.as_of, t.subject, t.body, t.currency,
    t.credit_minor, t.credit_ends_within_days, t.extend_days, t.hold_out_bps, t.cost_limit_minor, t.horizon_days, $5, $6
from plan_items i
cross join jsonb_to_record(i.terms) as t (kind text, segment text, tier text, snapshot uuid, as_of timestamptz,
    subject text, body text, currency text, credit_minor bigint, credit_ends_within_days integer, extend_days integer,
    hold_out_bps integer, cost_limit_minor bigint, horizon_days integer)
where i.tenant_id = $1 and i.run_id = $3 and i.key = $4
on conflict do nothing
