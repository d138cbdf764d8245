-- A refund, once; whether its money has moved is what was told last, but what has moved has moved. Says whether it
-- is the one that is known.
-- $1 tenant  $2 order  $3 refund  $4 content  $5 state  $6 refunded at
insert into order_refunds as r (tenant_id, order_external_id, external_id, eligible_minor, facts, state, refunded_at)
-- Reckoned before it is settled.
values ($1, $2, $3, 0, $4, $5, $6)
on conflict (tenant_id, order_external_id, external_id)
    do update set state = case when r.state = 'moved' then r.state else excluded.state end
returning facts is null or facts = $4 as "same!"
