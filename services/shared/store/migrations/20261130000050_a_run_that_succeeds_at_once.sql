-- A run that succeeds at the first try, in the commit of what it did, has all that there is to tell of the try in its own row:
-- when, by whom, with which build. A row of attempts is written for what was claimed first, or came to something else.
set local lock_timeout = '3s';

alter table runs
    -- Who made it succeed at the first try, in the commit of what it did, and with which build: that try has no row in attempts.
    add column worker text,
    add column build text;

-- All attempts of runs, wherever they are told.
create view attempts_made with (security_invoker = true) as
select run_id, attempt, worker, build, started_at, finished_at, outcome, error_code, error
from attempts
union all
select id, 1, worker, build, started_at, finished_at, 'succeeded', null, null
from runs
where worker is not null;
