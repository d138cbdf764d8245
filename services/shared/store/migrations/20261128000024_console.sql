-- The console: who may sign in, who has, and what people do there.

create table users (
    id uuid primary key,
    -- By which they sign in.
    name text not null check (name ~ '^[a-z0-9][a-z0-9._@+-]{0,99}$'),
    role text not null check (role in ('viewer', 'operator', 'admin', 'shop')),
    -- Whose staff they are.
    tenant_id bigint references tenants (id),
    -- A PHC string; null: they sign in elsewhere.
    password_hash text check (password_hash like '$argon2id$%'),
    created_by text not null check (created_by <> ''),
    created_at timestamptz not null default clock_timestamp(),
    disabled_at timestamptz,
    check ((role = 'shop') = (tenant_id is not null))
);
create unique index users_name on users (name);

create table sessions (
    -- SHA-256 of what the browser shows.
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    user_id uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    -- However often it is seen.
    expires_at timestamptz not null
);
create index sessions_user on sessions (user_id);
create index sessions_expired on sessions (expires_at);

-- Who has tried in vain to sign in, by name and by address: they wait.
create table sign_in_failures (
    who text primary key check (who ~ '^(name|address):'),
    failures integer not null check (failures > 0),
    last_at timestamptz not null default clock_timestamp(),
    locked_until timestamptz
);

grant select, insert, update, delete on users, sessions, sign_in_failures to tradeup_app;

-- By which programs are let in as a user, with what that user may.
create table user_tokens (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- What it is for.
    name text not null check (name <> ''),
    -- SHA-256 of the token.
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    created_by text not null check (created_by <> ''),
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    seen_at timestamptz,
    revoked_at timestamptz
);
create index user_tokens_user on user_tokens (user_id);
grant select, insert, update on user_tokens to tradeup_app;
