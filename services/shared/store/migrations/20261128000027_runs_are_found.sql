-- What people look for among many runs. None of these names a column that a claim changes (see 2), so that claims stay
-- heap-only updates; one that ends badly is an update of runs_unfinished anyway.
create index runs_roots on runs (id) where parent_id is null;
create index runs_of_task on runs (task, id);
create index runs_of_key on runs (key text_pattern_ops);
create index runs_ended_badly on runs (id) where finished_at is not null and error is not null;
