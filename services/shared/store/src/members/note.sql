-- What a shop tells of a member, unless something newer is known. What was not told stays.
-- $1 tenant  $2 member  $3 e-mail  $4 first name  $5 last name  $6 phone  $7 country  $8 tags  $9 marketing
-- $10 version
update members m
set email = $3, first_name = $4, last_name = $5, phone = $6, country = coalesce($7, country),
    tags = coalesce($8, tags), accepts_email_marketing = coalesce($9, accepts_email_marketing),
    version_at = coalesce($10, version_at), updated_at = now()
where m.tenant_id = $1 and m.id = $2
    and (m.version_at is null or $10::timestamptz is null or m.version_at <= $10)
    and (m.email, m.first_name, m.last_name, m.phone, m.country, m.tags, m.accepts_email_marketing, m.version_at)
        is distinct from ($3, $4, $5, $6, coalesce($7, m.country), coalesce($8, m.tags),
            coalesce($9, m.accepts_email_marketing), coalesce($10, m.version_at))
