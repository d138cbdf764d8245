-- What spend reaches as of an instant: a row for each tier that it does, highest first, or one without a
-- tier.
-- $1 tenant  $2 as of
select t.zone, t.currency, t.tier_reviews_imports as reviews_imports, t.tier_undoes as undoes,
    coalesce(w.time_window, 'rolling-12-months') as "time_window!", ruled.tier_id as "tier_id?", ruled.rank as "rank?",
    ruled.handle as "tier?", ruled.threshold_minor as "threshold_minor?", ruled.valid_from as "valid_from?"
from tenants t
left join tier_windows w
    on w.tenant_id = t.id and w.valid_from <= $2 and (w.valid_to is null or w.valid_to > $2)
left join (
    select th.currency, th.tier_id, tiers.rank, tiers.handle, th.threshold_minor, th.valid_from
    from tier_thresholds th
    join tiers on tiers.tenant_id = th.tenant_id and tiers.id = th.tier_id
    where th.tenant_id = $1 and th.valid_from <= $2 and (th.valid_to is null or th.valid_to > $2)
) as ruled on ruled.currency = t.currency
where t.id = $1
order by ruled.rank
