-- How runs ended of late is counted by the console, by the minute. What ends a run is written into every index anyway, since
-- runs_unfinished and runs_ended_badly ask whether it has ended (see 2 and 27): this is one entry more, at the index's
-- right edge. A claim does not change the time, so it stays a heap-only update; the state is not named here, though that
-- would spare a look at the rows, because claims change it. A BRIN index would be smaller, but what it has to be told of
-- is the newest pages, and it knows those last of all.
create index runs_ended on runs (finished_at) where finished_at is not null;
