-- Writes down a move of a trade-in, which is locked or new, with the offer as it is now.
-- $1 tenant  $2 trade-in  $3 move  $4 from  $5 to  $6 actor  $7 reason  $8 run
insert into trade_in_moves (tenant_id, trade_in_id, seq, move, from_state, to_state, cash_minor, bonus_minor, lines,
    actor, reason, run_id)
select $1, $2, (select coalesce(max(m.seq), 0) + 1 from trade_in_moves m where m.tenant_id = $1 and m.trade_in_id = $2),
    $3, $4, $5, t.cash_minor, t.bonus_minor, t.lines, $6, $7, $8
from trade_ins t
where t.tenant_id = $1 and t.id = $2
