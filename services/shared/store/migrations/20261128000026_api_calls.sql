-- Acts of programs that carry an Idempotency-Key: each is done once, and answered the same again for a day.
create table api_calls (
    -- The user as whom it came.
    who text not null check (who <> ''),
    key text not null check (key <> ''),
    -- SHA-256 of what was asked.
    asked bytea not null check (octet_length(asked) = 32),
    begun_at timestamptz not null default now(),
    -- Null while it is under way.
    status smallint,
    answer bytea,
    primary key (who, key),
    check ((status is null) = (answer is null))
);
create index api_calls_begun on api_calls (begun_at);
grant select, insert, update, delete on api_calls to tradeup_app;
