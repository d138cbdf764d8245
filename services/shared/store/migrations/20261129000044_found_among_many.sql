-- What is looked for among very many, without reading them all.

-- Fires that nobody was there for, by when that was found out: an alert asks every few seconds.
create index fire_decisions_missed on fire_decisions (decided_at) where decision in ('missed', 'skipped');

-- What one person did, newest first.
create index audit_log_of_actor on audit_log (actor, id);
