-- Trees of runs that ended long ago, oldest first, with all that belongs to them. A tree with a run
-- that is on its way, or with a dead letter that nobody has seen to, stays whole.
-- $1 days  $2 trees
with roots as (
    select r.id from runs r
    -- Ids begin with the milliseconds at which they were made: what is younger need not be looked at.
    where r.id < (lpad(to_hex((extract(epoch from now() - make_interval(days => $1)) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
        -- Roots, by the index that is of them alone: each call takes the next few from its beginning.
        and r.parent_id is null and r.finished_at < now() - make_interval(days => $1)
        and not exists (select from runs u
            where u.root_id = r.id and u.root_id <> u.id and u.finished_at is null)
        -- Asked of each tree: turned into a join, it would read all dead letters for each few trees.
        and not coalesce(
            (select true from dead_letters d where d.run_id = r.id and d.resolution is null limit 1), false)
        and not coalesce(
            (select true from runs u join dead_letters d on d.run_id = u.id
             where u.root_id = r.id and u.root_id <> u.id and d.resolution is null limit 1), false)
    order by r.id
    limit $2
), old as (
    select id from roots
    union all
    select u.id from roots join runs u on u.root_id = roots.id and u.root_id <> u.id
), unlogged as (
    delete from attempts where run_id in (select id from old)
), unbatched as (
    delete from batches where parent_run_id in (select id from old)
), unplanned as (
    delete from batch_plans where parent_run_id in (select id from old)
), unmade as (
    delete from run_progress where run_id in (select id from old)
), unsaved as (
    delete from run_checkpoints where run_id in (select id from old)
), undecided as (
    delete from fire_decisions where run_id in (select id from old)
), gone as (
    delete from runs where id in (select id from old) returning id
), noted as (
    update retention set runs_deleted_through = greatest(runs_deleted_through, 
        (select id from old order by id desc limit 1))
    where exists (select from old)
)
select count(*) as "runs!" from gone
