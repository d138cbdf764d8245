-- Trade-ins: what members bring, what they are offered for it, every move, and the credit in the end.

-- A shop's market prices, with history: an import is a new price from then on.
create table trade_in_prices (
    tenant_id bigint not null references tenants (id),
    item text not null check (item <> ''),
    category text not null check (category <> ''),
    market_minor bigint not null check (market_minor between 0 and 1000000000000),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Where the price is from.
    source text not null check (source <> ''),
    valid_from timestamptz not null,
    primary key (tenant_id, item, valid_from)
);

create table trade_ins (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    -- The system that it was submitted by, and that system's id of it: submitted twice it is one.
    source text not null check (source <> ''),
    submission_id text not null check (submission_id <> ''),
    -- What was submitted, to tell the same from another one under its id.
    submitted_sha256 bytea not null check (length(submitted_sha256) = 32),
    member_external_id text not null,
    state text not null check (state in ('submitted', 'review', 'quoted', 'accepted', 'received', 'graded', 'requoted',
        'requoted_here', 'accepted_here', 'credited', 'paid_cash', 'rejected', 'cancelled', 'returned',
        'quote_expired')),
    payout text not null check (payout in ('credit', 'cash')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- The rule that the offer is made by, and what went into it: item, category, condition, pieces, market price.
    rule_version integer not null,
    lines jsonb not null,
    -- The offer in force: in money or as paid credit, and on top for credit. Set by hand, it is not the rule's.
    cash_minor bigint not null check (cash_minor between 0 and 1000000000000),
    bonus_minor bigint not null check (bonus_minor between 0 and 1000000000000),
    by_hand boolean not null default false,
    quoted_at timestamptz not null,
    valid_until timestamptz not null,
    submitted_at timestamptz not null,
    moved_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    unique (tenant_id, source, submission_id)
);
create index trade_ins_open on trade_ins (tenant_id, moved_at)
    where state not in ('credited', 'paid_cash', 'rejected', 'cancelled', 'returned', 'quote_expired');
create index trade_ins_of_customer on trade_ins (tenant_id, member_external_id);

create table trade_in_moves (
    tenant_id bigint not null,
    trade_in_id uuid not null,
    seq integer not null check (seq > 0),
    move text not null,
    from_state text,
    to_state text not null,
    cash_minor bigint not null,
    bonus_minor bigint not null,
    lines jsonb not null,
    actor text not null check (actor <> ''),
    reason text check (reason <> ''),
    run_id uuid,
    moved_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, trade_in_id, seq),
    foreign key (tenant_id, trade_in_id) references trade_ins (tenant_id, id),
    check ((from_state is null) = (seq = 1))
);
create trigger trade_in_moves_append_only before update or delete or truncate on trade_in_moves
    for each statement execute function refuse_change();

do $$
declare
    name text;
begin
    foreach name in array array['trade_in_prices', 'trade_ins', 'trade_in_moves'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert on %I to tradeup_app', name);
    end loop;
end
$$;
grant update on trade_ins to tradeup_app;
