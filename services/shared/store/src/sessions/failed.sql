-- Notes a failed sign-in for a name and an address.
-- $1 who  $2 free tries  $3 first lock in seconds  $4 longest
insert into sign_in_failures as f (who, failures, locked_until)
select who, 1, case when $2::integer < 1 then clock_timestamp() + make_interval(secs => $3::float8) end
from unnest($1::text[]) as who
order by who
on conflict (who) do update
set failures = case when f.last_at < clock_timestamp() - interval '1 day' then 1 else f.failures + 1 end,
    last_at = clock_timestamp(),
    locked_until = case
        when f.last_at >= clock_timestamp() - interval '1 day' and f.failures + 1 > $2
        -- The exponent is bounded: nobody waits longer anyway.
        then clock_timestamp() + make_interval(secs => least($3 * 2 ^ least(f.failures - $2, 30), $4::float8))
    end
