-- Begins the membership of those who have a tier by their tags and none open. The first ever
-- begins at $2 (now, if not given); a later one begins now.
-- $1 tenant  $2 since
insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
select $1, m.id, s.tier_id, 'active', 'import',
    case when exists (select from memberships before where before.tenant_id = $1 and before.member_id = m.id)
        then now() else coalesce($2, now()) end
from staged_members s
join members m on m.tenant_id = $1 and m.external_id = s.external_id
where s.tier_id is not null
    -- Who has become a part of another member is in no tier any more, whatever an older file says.
    and m.merged_into is null
    and not exists (
        select from memberships open
        where open.tenant_id = $1 and open.member_id = m.id and open.valid_to is null)
order by m.id
-- Beside an import, an order may begin one.
on conflict do nothing
