-- What taking back a run's grants would do.
-- $1 tenant  $2 the run that has granted
select l.currency as "currency!", count(*) as "lots!", count(distinct l.member_id) as "members!",
    
    -- What went on with another member was granted once.
    coalesce(sum(l.granted_minor) filter (where l.transferred_from is null), 0)::bigint as "granted_minor!",
    sum(l.remaining_minor - held_at(l.held_minor, l.tenant_id, l.id, now()))::bigint as "to_reverse_minor!",
    sum(held_at(l.held_minor, l.tenant_id, l.id, now()))::bigint as "held_minor!",
    coalesce(sum(e.used_minor), 0)::bigint as "used_minor!", coalesce(sum(e.gone_minor), 0)::bigint as "gone_minor!"
from lots l
left join lateral (
    select -sum(amount_minor) filter (where kind in ('spend', 'spend_revert')) as used_minor,
        -sum(amount_minor) filter (where kind not in ('grant', 'spend', 'spend_revert', 'transfer_out',
            'transfer_in')) as gone_minor
    from ledger_entries e where e.tenant_id = $1 and e.lot_id = l.id
) as e on true
-- One by one, so that each is asked of its index: for a choice between them, all runs would be read.
where l.tenant_id = $1 and l.run_id in (
    select id from runs where id = $2
    union all
    select id from runs where parent_id = $2
    union all
    select id from runs where root_id = $2 and root_id <> id)
group by l.currency
order by l.currency
