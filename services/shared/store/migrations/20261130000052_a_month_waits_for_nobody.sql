-- Whoever plans a month has to see all memberships that were written before it began (migration 43). Where shops share a
-- transaction it may hold accounts already, which those who write memberships take first, so it waits for nobody, and holds nobody
-- up either: decision 40.

-- Whether nobody is writing memberships of the tenant at this moment.
create function nobody_writes_memberships(of_tenant bigint) returns boolean
    language plpgsql as $$
declare
    nobody boolean;
begin
    -- A lock goes with the subtransaction that took it.
    begin
        nobody := pg_try_advisory_xact_lock(hashtextextended('memberships', of_tenant));
        raise exception using errcode = 'TU000';
    exception when sqlstate 'TU000' then
        return nobody;
    end;
end
$$;
