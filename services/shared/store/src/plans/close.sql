-- A plan on which everything is decided: approved if anything of it was.
update plans p
set state = case when d.approved then 'approved' else 'rejected' end
from (
    select bool_or(i.state = 'approved') as approved, bool_or(i.state = 'proposed') as is_open
    from plan_items i where i.tenant_id = $1 and i.run_id = $2
) d
where p.tenant_id = $1 and p.run_id = $2 and not d.is_open
