-- The comparison's shops as tenants of the product, by the same numbers.
insert into tenants (id, handle, name, zone, currency, credit_validity)
overriding system value
select tenant_id, 'shop-' || tenant_id, shop, 'UTC', 'USD', 'never' from loyalty.tenants
on conflict (id) do nothing
