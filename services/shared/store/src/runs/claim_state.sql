-- Why runs could not be claimed.
select id as "run_id!: RunId",
    finished_at is not null or state = 'waiting' as "settled!",
    coalesce(attempt >= max_attempts, false) as "exhausted!",
    greatest(extract(epoch from coalesce(lease_expires_at, next_attempt_at, now()) - now()), 0)::float8
        as "free_in_seconds!",
    tenant_id as "tenant_id: TenantId", task as "task!"
from runs
where id = any($1)
