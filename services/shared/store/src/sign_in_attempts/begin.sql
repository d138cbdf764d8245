-- Keeps a sign-in that begins, and forgets those that are over.
-- $1 state hash  $2 browser hash  $3 nonce  $4 PKCE verifier  $5 next  $6 lasts, in seconds
with expired as (
    delete from sign_in_attempts where state_hash in (
        select state_hash from sign_in_attempts where expires_at < now()
        limit 1000 for update skip locked)
)
insert into sign_in_attempts (state_hash, browser_hash, nonce, pkce_verifier, next, expires_at)
select $1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6)
-- Anybody may begin one.
where (select count(*) from (select from sign_in_attempts limit 20000) as begun) < 20000
