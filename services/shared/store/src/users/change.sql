-- Changes a user, and ends their sessions: what they may has changed.
-- $1 name  $2 role  $3 tenant of the role  $4 password hash  $5 whether disabled  $6 whether by OpenID Connect
with changed as (
    update users set role = coalesce($2, role),
        tenant_id = case when $2::text is null then tenant_id else $3::bigint end,
        password_hash = coalesce($4, password_hash),
        disabled_at = case when $5::boolean is null then disabled_at when $5 then coalesce(disabled_at, clock_timestamp()) end,
        oidc = coalesce($6::boolean, oidc),
        -- Who may not sign in there is nobody there.
        oidc_issuer = case when coalesce($6::boolean, oidc) then oidc_issuer end,
        oidc_subject = case when coalesce($6::boolean, oidc) then oidc_subject end
    where name = $1
    returning id
), ended as (
    delete from sessions s using changed where s.user_id = changed.id
)
select exists (select from changed) as "changed!"
