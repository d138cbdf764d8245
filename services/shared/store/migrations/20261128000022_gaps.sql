-- Gaps: how far what a shop has was read by asking, so that what was never told is not missed.

create table shop_cursors (
    tenant_id bigint not null references tenants (id),
    what text not null check (what in ('orders', 'customers')),
    -- All that changed before then was looked at; null before the first time.
    changed_until timestamptz,
    -- A bulk operation that is under way at the shop: which, since when what changed, and when it was begun.
    bulk_gid text check (bulk_gid <> ''),
    bulk_since timestamptz,
    bulk_begun_at timestamptz,
    -- What the last search has found, and when it ended.
    looked_at integer not null default 0 check (looked_at >= 0),
    found integer not null default 0 check (found >= 0),
    left_out integer not null default 0 check (left_out >= 0),
    searched_at timestamptz,
    primary key (tenant_id, what),
    check ((bulk_gid is null) = (bulk_begun_at is null))
);
alter table shop_cursors enable row level security;
alter table shop_cursors force row level security;
create policy tenant_isolation on shop_cursors using (tenant_id = app_tenant_id());
grant select, insert, update on shop_cursors to tradeup_app;

-- An order of before the shop came: it counts as spent, and earns nothing, whatever is told of it later.
alter table orders add column history boolean not null default false;
