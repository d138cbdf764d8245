-- Batches are cut and planned in one transaction, and deleted with their plan by one statement; their tenant is that of the run that
-- plans, which refers to it. Three foreign keys checked that again for each row, twice for those that are released where they were
-- cut, and locked the shop's row: decision 38.

-- A second for each of the locks, or nothing for now: setup is run again. Whoever plans has read tenants first.
set local lock_timeout = '1s';
lock table tenants, batch_plans, batches in access exclusive mode;

alter table batches drop constraint batches_parent_run_id_fkey;
alter table batches drop constraint batches_tenant_id_fkey;
alter table batch_plans drop constraint batch_plans_tenant_id_fkey;
