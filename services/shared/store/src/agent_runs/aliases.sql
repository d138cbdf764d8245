-- Aliases of members, in the order asked for. New ones are numbered in an order that says nothing: that of a hash.
with asked as (
    select member_id, place from unnest($3::uuid[]) with ordinality as asked (member_id, place)
), unnamed as (
    select distinct a.member_id
    from asked a
    where not exists (
        select from agent_aliases known
        where known.tenant_id = $1 and known.run_id = $2 and known.member_id = a.member_id)
), numbered as (
    update agent_runs run set aliases = run.aliases + (select count(*) from unnamed)::integer
    where run.tenant_id = $1 and run.run_id = $2
    returning run.aliases - (select count(*) from unnamed)::integer as before
), named as (
    insert into agent_aliases (tenant_id, run_id, alias, member_id)
    select $1, $2, numbered.before + row_number() over (order by md5($2::uuid::text || unnamed.member_id))::integer, unnamed.member_id
    from unnamed, numbered
    returning member_id, alias
)
select 'm_' || coalesce(named.alias, known.alias) as "alias!"
from asked
left join named using (member_id)
left join agent_aliases known
    on known.tenant_id = $1 and known.run_id = $2 and known.member_id = asked.member_id
order by asked.place
