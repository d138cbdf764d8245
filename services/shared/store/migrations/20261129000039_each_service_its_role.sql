-- Each service logs in as a role of its own. What a role may is in src/pool/grants.sql, which setup applies after the
-- migrations; here is what a grant can't say. The roles themselves are made by deploy/postgres/roles.sql.

do $$
begin
    if to_regrole('tradeup_webhooks') is null then
        raise exception 'the role tradeup_webhooks is missing: run deploy/postgres/roles.sql of this build as a superuser first';
    end if;
end
$$;

-- What a shop or another system tells can lead to credit of these kinds. A month's credit, what a person grants and what
-- is corrected are not among them, whatever the process that has the webhooks' password asks for.
create policy credit_that_events_bring on lots as restrictive for insert to tradeup_webhooks
    with check (reason in ('cashback', 'reinstated', 'trade_in', 'trade_in_bonus', 'welcome'));

-- Who did what stays written, for everybody.
create trigger audit_log_append_only before update or delete or truncate on audit_log
    for each statement execute function refuse_change();
