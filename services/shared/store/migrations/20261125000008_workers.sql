-- Who works, and by what this database is known again.

-- Processes of services. A process writes its own row and reads nobody's; people do.
create table workers (
    name text primary key,
    service text not null,
    build text not null,
    started_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    -- Null if it did not say good-bye, or is there.
    stopped_at timestamptz,
    -- Its own clock less the database's, in milliseconds, when it was seen last.
    clock_skew_ms bigint not null
) with (fillfactor = 70);

-- Marks that the broker remembers the latest of. A database without that one stands at an earlier moment, or
-- is another one. See docs/decisions/0006.
create table database_marks (
    n bigint primary key check (n > 0),
    id uuid not null,
    at timestamptz not null default now()
);

grant select, insert, update, delete on workers to tradeup_app;
grant select, insert, delete on database_marks to tradeup_app;
