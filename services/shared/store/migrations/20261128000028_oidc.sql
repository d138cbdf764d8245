-- Sign-in by OpenID Connect: people whom a provider vouches for, as users that are there.

alter table users
    -- Whether they may sign in by the provider.
    add column oidc boolean not null default false,
    -- Who they are there, from their first sign-in on, whatever their address becomes.
    add column oidc_issuer text check (oidc_issuer <> ''),
    add column oidc_subject text check (oidc_subject <> ''),
    add constraint users_oidc_link_whole check ((oidc_issuer is null) = (oidc_subject is null)),
    add constraint users_oidc_link_allowed check (oidc or oidc_subject is null),
    add constraint users_oidc_subject unique (oidc_issuer, oidc_subject);

-- Sign-ins that have begun and are at the provider: any console finishes them, once.
create table sign_in_attempts (
    -- SHA-256 of the state that comes back from the provider.
    state_hash bytea primary key check (octet_length(state_hash) = 32),
    -- SHA-256 of what the browser that began it shows.
    browser_hash bytea not null check (octet_length(browser_hash) = 32),
    -- What the provider's token has to hold.
    nonce text not null check (nonce <> ''),
    -- What the provider wants to see for the code.
    pkce_verifier text not null check (pkce_verifier <> ''),
    -- Where to go then.
    next text not null check (next like '/%'),
    expires_at timestamptz not null
);
create index sign_in_attempts_expired on sign_in_attempts (expires_at);

grant select, insert, update, delete on sign_in_attempts to tradeup_app;
