-- What a member's wallet at the shop should hold: what can be spent, less what the shop is not told of yet.
-- $1 tenant  $2 member  $3 currency
select
    coalesce((
        select sum(l.remaining_minor) from lots l
        where l.tenant_id = $1 and l.member_id = $2 and l.currency = $3 and l.available_at <= clock_timestamp()
            -- There a lot ends by itself; with the ledger as the authority it is told of the end when that is
            -- booked.
            and (l.ends_at is null or l.ends_at > clock_timestamp() or t.wallet = 'ledger')
    ), 0)::bigint as "spendable_minor!",
    coalesce((
        select sum(coalesce(p.net_minor, p.amount_minor)) from pushes p
        where p.tenant_id = $1 and p.member_id = $2 and p.currency = $3 and p.state = 'pending'
            and p.due_at <= clock_timestamp()
    ), 0)::bigint as "untold_minor!",
    (select count(*) from pushes p
        where p.tenant_id = $1 and p.member_id = $2 and p.currency = $3 and p.state in ('sending', 'unknown')
    ) as "under_way!",
    (select count(*) from pushes p
        where p.tenant_id = $1 and p.member_id = $2 and p.currency = $3 and p.state = 'failed'
    ) as "failed!",
    coalesce((
        select sum(p.sends)::bigint from pushes p
        where p.tenant_id = $1 and p.member_id = $2 and p.currency = $3 and p.sent_at is not null
    ), 0) as "version!"
from tenants t where t.id = $1
