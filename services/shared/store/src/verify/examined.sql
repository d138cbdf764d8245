select
    (select count(*) from members where tenant_id = $1) as "members!",
    (select count(*) from lots where tenant_id = $1) as "lots!",
    (select count(*) from ledger_entries where tenant_id = $1) as "entries!",
    (select count(*) from runs where tenant_id = $1 and task = 'monthly-credits-tenant' and state = 'succeeded')
        as "runs!",
    (select count(*) from runs where tenant_id = $1 and finished_at is null) as "runs_unfinished!"
