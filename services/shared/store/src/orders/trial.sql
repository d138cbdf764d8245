-- Orders of members that were paid within a time, for the trial of a rule: with the tier of then and its own rate.
-- $1 tenant  $2 from  $3 before  $4 after the one paid then  $5 of this id  $6 currency of the ledger  $7 limit
select o.external_id, o.paid_at as "paid_at!", o.facts as "facts!", coalesce(o.created_at, o.paid_at) as "created_at!",
    t.handle as "tier?", tr.rate_bps as "tier_rate_bps?", o.posted_minor,
    o.test or o.cancelled_at is not null or o.disputed_at is not null and o.dispute_won_at is null as "void!"
from orders o
left join tiers t on t.tenant_id = $1 and t.id = o.tier_id
left join tier_rates tr on tr.tenant_id = $1 and tr.tier_id = o.tier_id
    and tr.valid_from <= o.paid_at and (tr.valid_to is null or tr.valid_to > o.paid_at)
where o.tenant_id = $1 and o.rate_bps is not null and o.facts is not null and o.currency = $6
    and o.paid_at >= $2 and o.paid_at < $3
    and ($4::timestamptz is null or (o.paid_at, o.external_id) > ($4, $5::text))
order by o.paid_at, o.external_id
limit $7
