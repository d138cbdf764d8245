-- Adds and removes tags of a member; without regard to case, as Shopify compares them. Who is to be forgotten has none.
-- $1 tenant  $2 customer  $3 added  $4 removed
update members m
set tags = (
        select coalesce(array_agg(distinct tag), '{}')
        from (
            select unnest(coalesce(m.tags, '{}')) as tag
            union
            select unnest($3::text[])
        ) as had
        where lower(btrim(had.tag)) <> all (select lower(btrim(gone.tag)) from unnest($4::text[]) as gone (tag))),
    updated_at = now()
where m.tenant_id = $1 and m.external_id = $2 and m.redacted_at is null
returning m.tags
