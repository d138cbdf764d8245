-- What else of a lot waits to be told becomes a part of the push that begins it.
-- $1 tenant  $2 push  $3 lot  $4 sequence number
with folded as (
    update pushes set state = 'folded', folded_into = $2, ended_at = clock_timestamp(), due_at = null
    where tenant_id = $1 and lot_id = $3 and state = 'pending' and seq > $4
    returning amount_minor
)
select coalesce(sum(amount_minor), 0)::bigint as "folded_minor!" from folded
