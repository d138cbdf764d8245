select count(*) filter (where wallet <> 'none') as "wallets!",
       count(*) filter (where shop_domain is not null) as "at_shopify!"
from tenants
where state <> 'uninstalled'
