-- Adds members and updates those whose details differ; the others are left as they are.
-- $1 tenant
with merged as (
    insert into members as m
        (tenant_id, id, external_id, email, first_name, last_name, phone, accepts_email_marketing)
    select $1, id, external_id, email, first_name, last_name, phone, accepts_email_marketing
    from staged_members
    order by id
    on conflict (tenant_id, external_id) do update
    set email = excluded.email,
        first_name = excluded.first_name,
        last_name = excluded.last_name,
        phone = excluded.phone,
        accepts_email_marketing = excluded.accepts_email_marketing,
        updated_at = now()
    -- Who is to be forgotten stays forgotten, whatever an older file says.
    where m.redacted_at is null and (m.email, m.first_name, m.last_name, m.phone, m.accepts_email_marketing)
        is distinct from (excluded.email, excluded.first_name, excluded.last_name, excluded.phone,
            excluded.accepts_email_marketing)
    returning (xmax = 0) as added
)
select count(*) filter (where added), count(*) filter (where not added) from merged
