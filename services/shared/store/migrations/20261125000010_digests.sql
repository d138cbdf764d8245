-- Warnings of credit that is about to end: which lots, in which mail, and what became of the mail.

-- One mail to one member. It is marked `sending`, committed, before it is handed to the mail server, and
-- ended after; what is found `sending` by a later attempt may have been sent, and becomes `unknown`.
-- The address is not in it: it is read from the member at that moment.
create table digests (
    tenant_id bigint not null,
    id uuid not null,
    member_id uuid not null,
    -- A member gets one a day, in UTC.
    day date not null,
    state text not null default 'pending' check (state in ('pending', 'sending', 'sent', 'dropped', 'refused',
        'unknown')),
    -- Why it was not sent after all.
    dropped_because text check (dropped_because in ('spent', 'shop', 'no_email', 'opt_out', 'bounce', 'complaint')),
    -- As they were when the warnings were claimed; a later try says the same.
    locale text not null,
    zone text not null,
    written_at timestamptz not null default now(),
    -- The batch that claimed them.
    run_id uuid not null,
    -- Who took it to the mail server last, and how often that was tried.
    sender_run_id uuid,
    sender_attempt integer,
    tries integer not null default 0,
    taken_at timestamptz,
    ended_at timestamptz,
    -- What the mail server said when it took it; and otherwise what went wrong last.
    answer text,
    error_code text,
    error text,
    -- The person who decided what became of it.
    resolved_by text check (resolved_by <> ''),
    primary key (tenant_id, id),
    unique (tenant_id, member_id, day),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check ((state = 'dropped') = (dropped_because is not null)),
    check ((state in ('pending', 'sending')) = (ended_at is null)),
    check (state <> 'sending' or (sender_run_id is not null and sender_attempt is not null))
) with (fillfactor = 70);
create index digests_of_run on digests (tenant_id, run_id);
create index digests_open on digests (tenant_id, state) where state in ('pending', 'sending', 'unknown');

-- One row for each lot and end of it: whoever writes it warns, and nobody else does. A lot whose end is
-- moved is warned of once more.
create table warnings (
    tenant_id bigint not null,
    lot_id uuid not null,
    kind text not null check (kind in ('7d')),
    expires_at timestamptz not null,
    member_id uuid not null,
    currency text not null,
    -- Why there is no mail. Without an address it is looked again on the following days.
    suppressed text check (suppressed in ('no_email', 'opt_out', 'bounce', 'complaint')),
    digest_id uuid,
    -- What was left of the lot then, in minor units.
    amount_minor bigint not null check (amount_minor > 0),
    run_id uuid not null,
    claimed_at timestamptz not null default now(),
    primary key (tenant_id, lot_id, kind, expires_at),
    foreign key (tenant_id, lot_id, member_id, currency) references lots (tenant_id, id, member_id, currency),
    foreign key (tenant_id, digest_id) references digests (tenant_id, id),
    check ((suppressed is null) = (digest_id is not null))
);
create index warnings_of_digest on warnings (tenant_id, digest_id) where digest_id is not null;
create index warnings_of_run on warnings (tenant_id, run_id) where suppressed is not null;

-- Whom no mail of a kind goes to. A bounce is about the address that the member had, which is kept as its
-- hash: with another address they are written to again.
create table suppressions (
    tenant_id bigint not null,
    member_id uuid not null,
    kind text not null check (kind in ('credit_expiry')),
    reason text not null check (reason in ('opt_out', 'bounce', 'complaint')),
    address_hash bytea check (length(address_hash) = 32),
    -- The member by a link, the mail server, a person by name.
    source text not null check (source <> ''),
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, member_id, kind, reason),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check ((address_hash is not null) = (reason = 'bounce'))
);

-- The words of a shop's mails, in place of the built-in ones. An edit is a new version.
create table mail_templates (
    tenant_id bigint not null references tenants (id),
    kind text not null check (kind in ('credit_expiry')),
    locale text not null check (locale ~ '^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$'),
    version integer not null check (version > 0),
    subject text not null,
    body_text text not null,
    body_html text not null,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    created_by text not null check (created_by <> ''),
    primary key (tenant_id, kind, locale, version)
);
create unique index mail_templates_active on mail_templates (tenant_id, kind, locale) where active;

-- How an address is compared with those that have bounced.
create function mail_address_hash(address text) returns bytea
    language sql immutable strict parallel safe
    return sha256(convert_to(lower(btrim(address)), 'UTF8'));

-- Why a member is not to be written to; null if they are.
create function mail_suppressed(of_tenant bigint, member uuid, mail_kind text, address text) returns text
    language sql stable parallel safe
    return case
        when address is null then 'no_email'
        else (
            select s.reason from suppressions s
            where s.tenant_id = of_tenant and s.member_id = member and s.kind = mail_kind
                and (s.address_hash is null or s.address_hash = mail_address_hash(address))
            order by s.reason = 'bounce', s.reason
            limit 1)
        end;

do $$
declare
    name text;
begin
    foreach name in array array['digests', 'warnings', 'suppressions', 'mail_templates'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert, update on %I to tradeup_app', name);
    end loop;
end
$$;
grant delete on suppressions to tradeup_app;
