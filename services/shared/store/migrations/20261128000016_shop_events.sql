-- Events of shops at Shopify (decision 0014), orders as they tell them, and each shop's rules.

-- Where a tenant's shop is. The domain can change; the shop's own number does not.
alter table tenants
    add column shop_domain text unique check (shop_domain ~ '^[a-z0-9][a-z0-9-]*\.myshopify\.com$'),
    add column shop_number text check (shop_number ~ '^[0-9]{1,20}$'),
    -- An uninstall that is older than the latest install is a late one.
    add column installed_at timestamptz,
    add column uninstalled_at timestamptz,
    -- What the app may do in the shop, as the shop says; null: not told.
    add column scopes text[],
    add column scopes_at timestamptz;
update tenants t set shop_domain = s.domain, installed_at = s.connected_at from shops s where s.tenant_id = t.id;

alter table events
    -- Bodies hold personal data: dropped after 30 days, or when a customer is to be forgotten.
    alter column body drop not null,
    add column erased_at timestamptz,
    add check ((body is null) = (erased_at is not null)),
    -- Of the body, so that one that has gone can still be told from another.
    add column body_sha256 bytea check (length(body_sha256) = 32),
    -- What it is about, as far as a look at the body tells: an order or a customer, by the shop's ids.
    add column resource text,
    add column customer text,
    -- One act at the shop may lead to several events, and to several deliveries of each.
    add column action_id text,
    add column duplicate_of uuid,
    drop constraint events_state_check,
    add constraint events_state_check check (state in ('routed', 'unhandled', 'duplicate')),
    add check ((state = 'duplicate') = (duplicate_of is not null));
create index events_of_action on events (tenant_id, action_id, topic) where action_id is not null;
create index events_of_customer on events (tenant_id, customer) where customer is not null;
create index events_of_resource on events (tenant_id, resource) where resource is not null;
create index events_received on events (tenant_id, received_at);
grant update (body, erased_at) on events to tradeup_app;

-- Events of a domain that is no tenant's: kept for a while, since a shop's events may come before its tokens. No
-- tenant's data yet.
create table unclaimed_events (
    id uuid primary key,
    shop_domain text not null,
    subject text not null,
    event_id text not null,
    headers jsonb not null,
    body bytea not null,
    stored_at timestamptz not null,
    received_at timestamptz not null default now(),
    unique (shop_domain, event_id)
);
-- Locking a row needs the right to change one.
grant select, insert, update, delete on unclaimed_events to tradeup_app;

-- A shop's rules: documents with versions. The one in force at an instant is the latest that began by then.
create table rules (
    tenant_id bigint not null references tenants (id),
    kind text not null check (kind in ('cashback', 'enrolment', 'trade-in')),
    version integer not null check (version > 0),
    document jsonb not null,
    valid_from timestamptz not null,
    set_by text not null check (set_by <> ''),
    reason text check (reason <> ''),
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, kind, version)
);
create trigger rules_append_only before update or delete or truncate on rules
    for each statement execute function refuse_change();

-- Which rule an operation follows, like cashback@3; null: none but the product's own.
alter table operations add column rule text check (rule ~ '^[a-z-]+@[0-9]+$');

alter table orders
    -- What the rules look at, without personal data; null for orders of before.
    add column facts jsonb,
    -- Of two versions of one instant the one that was sent later counts.
    add column version_tie timestamptz,
    add column created_at timestamptz,
    -- It was paid with credit or gift cards, and how much of it is not known yet.
    add column awaits_payments boolean not null default false,
    -- The version of the cashback rule that rates it; null: the product's own.
    add column rule_version integer;

alter table order_refunds
    add column facts jsonb,
    -- A refund counts once its money has moved.
    add column state text not null default 'moved' check (state in ('moved', 'pending', 'failed', 'none'));
grant update (eligible_minor, facts, state) on order_refunds to tradeup_app;

-- What of an order was paid how: each successful payment, by the shop's id of it.
create table order_payments (
    tenant_id bigint not null,
    order_external_id text not null,
    external_id text not null check (external_id <> ''),
    gateway text not null,
    amount_minor bigint not null check (amount_minor >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    paid_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, order_external_id, external_id),
    foreign key (tenant_id, order_external_id) references orders (tenant_id, external_id)
);

do $$
declare
    name text;
begin
    foreach name in array array['rules', 'order_payments'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert on %I to tradeup_app', name);
    end loop;
end
$$;
