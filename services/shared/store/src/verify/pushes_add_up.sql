-- Each push of an entry is about what the entry moved; what was told is that and what was folded into it.
select count(*) over () as "violations!", 'push ' || p.id as "subject!",
    format('%s of %s, its entry moved %s; told %s, with %s folded into it', p.state, p.amount_minor,
        coalesce(e.amount_minor::text, 'nothing'), coalesce(p.net_minor::text, 'nothing'), f.amount_minor) as "detail!"
from pushes p
left join ledger_entries e on e.tenant_id = $1 and e.id = p.id
cross join lateral (
    select coalesce(sum(amount_minor), 0)::bigint as amount_minor from pushes
    where tenant_id = $1 and folded_into = p.id
) as f
where p.tenant_id = $1
    and ((p.kind = 'entry' and e.amount_minor is distinct from p.amount_minor)
        -- A debit may have found less.
        or (p.net_minor > 0 and p.net_minor <> p.amount_minor + f.amount_minor)
        or (p.state = 'sent' and p.sent_minor <> p.net_minor))
order by p.seq
limit $2
