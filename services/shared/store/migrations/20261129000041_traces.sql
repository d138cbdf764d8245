-- The trace that a run belongs to, as W3C Trace Context writes it. It is that of whoever creates the run: a transaction that
-- is part of a trace says so in a setting of its own, so that no statement has to carry it. Null while nobody collects
-- traces, and for runs that nobody's trace led to: they have the trace that is named after their root.
alter table runs add column traceparent text check (octet_length(traceparent) <= 64);
alter table runs alter column traceparent set default nullif(current_setting('app.traceparent', true), '');
