select count(*) over () as "violations!", format('batch %s of run %s', b.seq, b.parent_run_id) as "subject!",
    -- Whoever cuts batches plans them in the same transaction; no foreign key says so (decision 38).
    case when p.parent_run_id is null then 'has no plan that says how it is executed'
        else format('reports %s members with %s together, the ledger holds %s with %s', b.affected, b.affected_minor,
            coalesce(e.members, 0), coalesce(e.amount_minor, 0)) end as "detail!"
from batches b
left join batch_plans p on p.parent_run_id = b.parent_run_id and p.tenant_id = b.tenant_id
left join (
    select run_id, count(distinct member_id) as members, sum(abs(amount_minor)) as amount_minor
    from (
        select run_id, member_id, amount_minor from ledger_entries
        where tenant_id = $1 and kind in ('grant', 'expire', 'adjust')
        union all
        -- In shadow it is what would have been done.
        select run_id, member_id, amount_minor from shadow_effects where tenant_id = $1 and kind in ('grant', 'expire')
    ) as done group by run_id
) as e on e.run_id = b.run_id
where b.tenant_id = $1
    and (p.parent_run_id is null
        -- Warnings and reviews of tiers move no money; see warning_batches_add_up, tier_review_batches_add_up. What wallets
        -- move is what a shop has booked. Of campaigns, see campaigns_add_up.
        or p.task not in ('expiration-warning-batch', 'tier-review-batch', 'wallet-reconciliation-batch', 'campaign-batch')
            and (b.affected <> coalesce(e.members, 0) or b.affected_minor <> coalesce(e.amount_minor, 0)))
order by b.parent_run_id, b.seq
limit $2
