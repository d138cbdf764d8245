-- The schema as JSON, for tests/docs/page.
select jsonb_build_object(
    'columns', (
        select jsonb_agg(jsonb_build_object('table', c.relname, 'column', a.attname,
            'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
            'default', coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
            'key', exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey)),
            'isolated', c.relrowsecurity) order by c.relname, a.attnum)
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and c.relname <> '_sqlx_migrations'),
    'rules', (
        select jsonb_agg(jsonb_build_object('table', c.relname, 'rule', pg_get_constraintdef(k.oid))
            order by c.relname, k.contype = 'f', k.contype = 'u', pg_get_constraintdef(k.oid) collate "C")
        from pg_constraint k
        join pg_class c on c.oid = k.conrelid
        where c.relnamespace = 'public'::regnamespace and k.contype in ('p', 'u', 'f') and not c.relispartition
            and c.relname <> '_sqlx_migrations')
)::text
