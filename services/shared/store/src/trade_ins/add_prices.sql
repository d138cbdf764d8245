-- Market prices from now on, where they are not what is in force.
-- $1 tenant  $2 currency  $3 source  $4 items  $5 categories  $6 amounts
insert into trade_in_prices (tenant_id, item, category, market_minor, currency, source, valid_from)
select $1, p.item, p.category, p.market_minor, $2, $3, clock_timestamp()
from (
    -- Of an item that is there twice the last counts.
    select distinct on (item) item, category, market_minor
    from unnest($4::text[], $5::text[], $6::bigint[]) with ordinality as given (item, category, market_minor, n)
    order by item, n desc
) as p
left join lateral (
    select category, market_minor from trade_in_prices f
    where f.tenant_id = $1 and f.item = p.item and f.currency = $2
    order by f.valid_from desc limit 1
) as f on true
where (f.category, f.market_minor) is distinct from (p.category, p.market_minor)
