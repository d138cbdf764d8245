-- What lets another system in by HTTP: one token for each system of a shop, kept as its hash.

create table api_tokens (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    -- The system: what it spends is its own, as with events.
    source text not null check (source <> '' and length(source) <= 128),
    token_hash bytea not null check (length(token_hash) = 32),
    created_at timestamptz not null default now(),
    created_by text not null check (created_by <> ''),
    revoked_at timestamptz,
    revoked_by text,
    primary key (tenant_id, id),
    unique (tenant_id, token_hash),
    check ((revoked_at is null) = (revoked_by is null))
);
alter table api_tokens enable row level security;
alter table api_tokens force row level security;
create policy tenant_isolation on api_tokens using (tenant_id = app_tenant_id());
grant select, insert, update on api_tokens to tradeup_app;
