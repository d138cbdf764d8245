-- Plans that wait for too long: what is undecided of them expires. A plan of which something was approved stays so.
with old as (
    select p.tenant_id, p.run_id from plans p
    where p.tenant_id = $1 and p.state = 'awaiting_approval'
        and p.created_at < now() - make_interval(days => $2)
    for update
), closed as (
    update plan_items i set state = 'expired' from old
    where i.tenant_id = old.tenant_id and i.run_id = old.run_id and i.state = 'proposed'
)
update plans p
set state = case
    when exists (select from plan_items i where i.tenant_id = p.tenant_id and i.run_id = p.run_id
        and i.state = 'approved') then 'approved'
    else 'expired' end
from old where p.tenant_id = old.tenant_id and p.run_id = old.run_id
