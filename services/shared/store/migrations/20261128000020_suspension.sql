-- Since when a shop is suspended: what it told meanwhile is settled when it is back.
alter table tenants
    add column suspended_at timestamptz,
    add check (suspended_at is null or state <> 'active');
