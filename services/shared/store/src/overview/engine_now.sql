-- What differs whenever what is under way, dead or decided does.
select concat_ws(' ',
    (select string_agg(state || count, ',' order by state) from (
        select state, count(*) from runs where finished_at is null group by state) as u),
    (select count(*) from dead_letters where resolution is null),
    (select max(decided_at) from fire_decisions where fire_at > now() - interval '2 days'),
    (select string_agg(left(id::text, 8) || coalesce(acknowledged_by, ''), ',' order by id) from alerts
        where resolved_at is null),
    (select string_agg(seen || state, ',' order by id) from bulk_acts
        where state = 'running' or ended_at > now() - interval '1 minute'),
    (select count(*) from pauses), (select count(*) from breakers where open_until is not null)) as "now!"
