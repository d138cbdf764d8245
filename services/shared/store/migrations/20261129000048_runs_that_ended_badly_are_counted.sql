-- What is to be done with many runs is counted before: of ten thousand that ended badly, from the index alone and not from
-- as many pages. An index entry more only for runs that end badly, as before.
drop index runs_ended_badly;
create index runs_ended_badly on runs (id) include (state, task, tenant_id, parent_id)
    where finished_at is not null and error is not null;

-- Runs are looked for by what they died of, and by who or what wished for them. Few have an error, and few are wished for by
-- a schedule or a person: an entry for those alone, none for the many.
create index runs_of_error on runs (error_code, id) where error_code is not null;
create index runs_wished_for on runs (trigger, id) where trigger in ('schedule', 'manual');
