-- What there is about each line of an import: its member, the credit of that name, the month's credit of the member.
-- $1 tenant  $2 lines  $3 customer ids  $4 names of the credits  $5 reasons  $6 periods  $7 amounts  $8 what is left
select n.line as "line!", coalesce(m.merged_into, m.id) as "member_id?",
    i.external_id is not null as "known!",
    coalesce(i.member_id in (m.id, m.merged_into) and i.reason = n.reason and i.period is not distinct from n.period
        and i.amount_minor = n.amount_minor and i.left_minor = n.left_minor, false) as "same!",
    l.id as "lot_id?", l.run_id as "granted_by: RunId", other.external_id as "taken_by?"
from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
    as n (line, member, external_id, reason, period, amount_minor, left_minor)
left join members m on m.tenant_id = $1 and m.external_id = n.member
left join imported_credits i on i.tenant_id = $1 and i.external_id = n.external_id
left join lots l on l.tenant_id = $1 and l.member_id = coalesce(m.merged_into, m.id) and l.reason = 'monthly'
    and l.source_key = n.period
left join imported_credits other on other.tenant_id = $1 and other.lot_id = l.id
order by n.line
