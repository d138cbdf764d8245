-- That a lot has an account, and an entry its lot, is checked once for all rows of a statement and not by a query for each
-- row: of the time that a month of credits took, the two foreign keys were a third. What they promised is promised still,
-- by what checks a statement's rows and by what refuses that a lot or an account goes, or becomes another's (decision 36).
-- With them it is checked that a lot is nobody's who has become a part of another member: whoever grants reads no account
-- before it waits for its lock, and had to look again afterwards.

-- All that it changes at once, or nothing for now: setup is run again. Locks one after the other would stop bookings behind a
-- long proof, and could wait for a grant that waits for them.
set local lock_timeout = '3s';
lock table accounts, lots, ledger_entries in access exclusive mode;

create function refuse_removal() returns trigger language plpgsql as $$
begin
    raise exception 'a row of % stays, with its tenant, member and currency: write a compensating entry instead', tg_table_name;
end
$$;
create trigger accounts_stay before delete or truncate or update of tenant_id, member_id, currency on accounts
    for each statement execute function refuse_removal();
create trigger lots_stay before delete or truncate or update of tenant_id, id, member_id, currency on lots
    for each statement execute function refuse_removal();

create function lots_have_accounts() returns trigger language plpgsql as $$
declare
    wrong record;
begin
    -- Row by row through the key: a join might be planned as if there were few accounts, and read them all.
    select a.tenant_id, a.id, a.member_id, a.currency into wrong
    from added a
    where (select c.member_id from accounts c
            where c.tenant_id = a.tenant_id and c.member_id = a.member_id and c.currency = a.currency) is null
        or (select m.id from members m
            where m.tenant_id = a.tenant_id and m.id = a.member_id and m.merged_into is not null) is not null
    limit 1;
    if found then
        -- The next attempt finds who it is now.
        if exists (select from members m
            where m.tenant_id = wrong.tenant_id and m.id = wrong.member_id and m.merged_into is not null) then
            raise serialization_failure using
                message = format('lot %s: member %s has become a part of another meanwhile', wrong.id, wrong.member_id),
                constraint = 'lots_have_accounts', table = 'lots';
        end if;
        raise foreign_key_violation using
            message = format('lot %s: member %s has no account in %s', wrong.id, wrong.member_id, wrong.currency),
            constraint = 'lots_have_accounts', table = 'lots';
    end if;
    return null;
end
$$;
create trigger lots_have_accounts after insert on lots
    referencing new table as added for each statement execute function lots_have_accounts();
alter table lots drop constraint lots_tenant_id_member_id_currency_fkey;

create function entries_have_lots() returns trigger language plpgsql as $$
declare
    wrong record;
begin
    select a.id, a.lot_id, a.member_id, a.currency into wrong
    from added a
    where (select l.id from lots l
        where l.tenant_id = a.tenant_id and l.id = a.lot_id and l.member_id = a.member_id and l.currency = a.currency) is null
    limit 1;
    if found then
        raise foreign_key_violation using
            message = format('entry %s: member %s has no lot %s in %s', wrong.id, wrong.member_id, wrong.lot_id,
                wrong.currency),
            constraint = 'entries_have_lots', table = 'ledger_entries';
    end if;
    return null;
end
$$;
create trigger entries_have_lots after insert on ledger_entries
    referencing new table as added for each statement execute function entries_have_lots();
alter table ledger_entries drop constraint ledger_entries_tenant_id_lot_id_member_id_currency_fkey;
