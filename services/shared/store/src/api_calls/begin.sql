-- Begins an act under its key, or says what became of it. One that was begun a minute ago and has no answer was broken
-- off: it may be begun again.
-- $1 who  $2 key  $3 asked
with forgotten as (
    delete from api_calls where begun_at < now() - interval '1 day' and not (who = $1 and key = $2)
), begun as (
    insert into api_calls as c (who, key, asked) values ($1, $2, $3)
    on conflict (who, key) do update set begun_at = now(), asked = $3, status = null, answer = null
        where c.begun_at < now() - interval '1 day'
            or (c.status is null and c.begun_at < now() - interval '1 minute' and c.asked = $3)
    returning true as is_new
)
select coalesce((select is_new from begun), false) as "is_new!", c.asked as "asked?", c.status as "status?",
    c.answer as "answer?"
from (values (1)) as one (n) left join api_calls c on c.who = $1 and c.key = $2
