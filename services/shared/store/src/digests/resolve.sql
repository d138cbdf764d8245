-- A person decides what becomes of a mail that nobody knows the fate of; or of one that was refused, to be
-- sent once more. What somebody is sending at this moment is left alone.
-- $1 tenant  $2 digest  $3 the state that it gets: sent or pending  $4 who
update digests d
set state = $3, ended_at = case when $3 = 'sent' then now() end, resolved_by = $4
where d.tenant_id = $1 and d.id = $2
    and (d.state = 'unknown'
        or (d.state = 'refused' and $3 = 'pending')
        or (d.state = 'pending' and $3 = 'pending'
            and not exists (select from runs r where r.id = d.run_id and r.finished_at is null))
        or (d.state = 'sending'
            and not exists (
                select from runs r where r.id = d.sender_run_id and r.finished_at is null)))
returning d.tries
