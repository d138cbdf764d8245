-- Members as their shop tells of them, and what a shop's customers ask for by law.

alter table members
    -- As told; null: not told.
    add column tags text[],
    add column country text check (country ~ '^[A-Z]{2}$'),
    -- Which version of the customer this is, by the shop's clock: an older one changes nothing.
    add column version_at timestamptz,
    -- Why there is such a member: an import, a rule of this version, a person.
    add column enrolled_by text not null default 'import' check (enrolled_by <> ''),
    -- The customer is gone at the shop; the ledger stays.
    add column deleted_at timestamptz,
    -- The customer is to be forgotten: nothing personal is kept from then on.
    add column redacted_at timestamptz,
    add check (redacted_at is null or (email is null and first_name is null and last_name is null and phone is null
        and locale is null and country is null and tags is null and not accepts_email_marketing));
create index members_by_email on members (tenant_id, lower(email)) where email is not null;

-- Credit that a rule gives: to a new member, and for traded-in goods with its bonus.
alter table lots
    drop constraint lots_reason_check,
    add constraint lots_reason_check check (reason in ('monthly', 'granted', 'cashback', 'reinstated', 'adjusted',
        'transferred', 'welcome', 'trade_in', 'trade_in_bonus'));
alter table operations
    drop constraint operations_kind_check,
    add constraint operations_kind_check check (kind in ('spend', 'spend_revert', 'adjust', 'settle', 'merge', 'grant'));

-- Requests by law: to see what is known of a customer, to forget one, to forget a shop. Kept without personal data,
-- with what was done.
create table privacy_requests (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    kind text not null check (kind in ('data_request', 'customer_redact', 'shop_redact')),
    -- The event that asked for it: each asks once.
    event_id uuid not null,
    -- The member that it is about; null: nobody that we know, or the whole shop.
    member_id uuid,
    -- The shop's number of the request, if it has one.
    request_number text,
    received_at timestamptz not null,
    due_at timestamptz not null,
    state text not null default 'open' check (state in ('open', 'done', 'void')),
    done_at timestamptz,
    done_by text check (done_by <> ''),
    -- What was erased or handed over: counts for each table, and a hash of what was handed over.
    evidence jsonb,
    primary key (tenant_id, id),
    unique (tenant_id, event_id),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check ((state = 'open') = (done_at is null)),
    check ((state = 'open') = (evidence is null))
);
create index privacy_requests_open on privacy_requests (tenant_id, due_at) where state = 'open';

do $$
declare
    name text;
begin
    foreach name in array array['privacy_requests'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert on %I to tradeup_app', name);
    end loop;
end
$$;
grant update (state, done_at, done_by, evidence) on privacy_requests to tradeup_app;

-- Erasing a customer's data reaches into tables whose rows are not changed otherwise.
grant update (message) on dead_letters to tradeup_app;

-- Bytes with the letters A to Z in lower case, so that an address in a body is found however it is written.
create function lower_ascii(bytes bytea) returns bytea
    language sql immutable parallel safe
    return convert_to(translate(encode(bytes, 'escape'), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'),
        'UTF8');
grant execute on function lower_ascii to tradeup_app;

-- A system that signs what it sends has no token: its secret is made of its id, and of a key that is not here.
alter table api_tokens
    alter column token_hash drop not null,
    add column signs boolean not null default false,
    add check (signs = (token_hash is null));
