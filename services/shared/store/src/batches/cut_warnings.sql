-- Cuts the members who have to be warned, or to be looked at once more, into batches by member id, in one
-- statement. Which lots: as in warnings/claim.sql.
-- $1 tenant  $2 parent run  $3 as of  $4 members in a batch
insert into batches (parent_run_id, seq, tenant_id, first_member_id, last_member_id, members)
select $2, seq, $1, (array_agg(member_id order by member_id))[1],
    (array_agg(member_id order by member_id))[count(*)], count(*)
from (
    select member_id, ((row_number() over (order by member_id) - 1) / $4)::integer as seq
    from (
        select distinct l.member_id
        from (
            -- By the end, which is indexed; where days of grace come after the date that is told, by that date.
            select * from lots
            where tenant_id = $1 and remaining_minor > 0
                and ends_at > now() and ends_at <= $3::timestamptz + interval '7 days'
            union all
            select * from lots
            where tenant_id = $1 and remaining_minor > 0 and ends_at > expires_at
                and ends_at > $3::timestamptz + interval '7 days'
                and expires_at > now() and expires_at <= $3::timestamptz + interval '7 days'
        ) as l
        join members m on m.tenant_id = l.tenant_id and m.id = l.member_id
        left join warnings w on w.tenant_id = $1 and w.lot_id = l.id and w.kind = '7d'
            and w.expires_at = l.expires_at
        where l.tenant_id = $1 and l.remaining_minor > 0
            and l.remaining_minor > held_at(l.held_minor, l.tenant_id, l.id, now())
            and l.expires_at > now() and l.expires_at <= $3::timestamptz + interval '7 days'
            and l.ends_at > now() and l.available_at <= now()
            and (w.lot_id is null
                or (w.suppressed = 'no_email' and m.email is not null
                    and l.expires_at > now() + interval '24 hours'))
    ) as due
) as numbered
group by seq
on conflict (parent_run_id, seq) do nothing
