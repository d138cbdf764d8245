-- Since when a run that was held back waits to be worked on: whoever asks how long runs wait does not count before.
alter table outbox add column let_go_at timestamptz;
