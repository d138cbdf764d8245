-- Each try of a delivery, for whoever asks why an endpoint was not told; and how many failed in a row: an endpoint is
-- not given up for one failure before a quiet week.

alter table endpoints add column failures integer not null default 0 check (failures >= 0);
alter table endpoints add constraint endpoints_failing check ((failing_since is null) = (failures = 0)) not valid;
update endpoints set failures = 1 where failing_since is not null;
alter table endpoints validate constraint endpoints_failing;

create table delivery_tries (
    tenant_id bigint not null,
    delivery_id uuid not null,
    -- Counts all sends of the delivery.
    number integer not null check (number > 0),
    ended_at timestamptz not null default clock_timestamp(),
    took_ms integer not null check (took_ms >= 0),
    status smallint,
    -- None: it arrived.
    error text,
    primary key (tenant_id, delivery_id, number),
    foreign key (tenant_id, delivery_id) references deliveries (tenant_id, id) on delete cascade
);
alter table delivery_tries enable row level security;
alter table delivery_tries force row level security;
create policy tenant_isolation on delivery_tries using (tenant_id = app_tenant_id());
grant select, insert on delivery_tries to tradeup_app;
