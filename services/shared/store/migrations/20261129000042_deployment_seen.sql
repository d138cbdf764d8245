-- What `tradeup doctor` has to know of each process, and which builds a schema is for.

alter table workers
    -- The most connections that it takes; unknown of builds before this one.
    add column connections_max integer check (connections_max > 0),
    -- The settings that it was given, by their keys; never their values.
    add column given text[];

comment on column workers.given is 'keys of the settings that the process was given, without values';

-- A build works with a schema that is newer than its own, as long as nothing was taken away that it needs. A migration
-- that takes something away raises this to its own version: docs/upgrading.md.
create table schema_floor (
    only_one boolean primary key default true check (only_one),
    version bigint not null,
    because text not null
);

insert into schema_floor (version, because)
values (20261129000042, 'earlier builds work with exactly their own schema');

grant select on schema_floor to tradeup_app;
