-- Links a user who may sign in by OpenID Connect, and has not yet, with who they are at the provider. Whoever is known
-- there is somebody else's already: that user may be disabled, or have been given another address.
-- $1 issuer  $2 subject  $3 their address
update users u set oidc_issuer = $1, oidc_subject = $2
where u.name = $3 and u.oidc and u.oidc_subject is null and u.disabled_at is null
    and not exists (select from users o where o.oidc_issuer = $1 and o.oidc_subject = $2)
returning u.id, u.name
