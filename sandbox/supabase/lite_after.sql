-- Run as supabase_admin in the API's database after each start of Supabase Lite and our first
-- request to it; auth_functions.sql is run as well.
drop function public.sandbox_probe();

-- The tables Lite added to auth belong to the role that owns that schema's tables on Supabase.
do $$
declare
    lite_table regclass;
begin
    for lite_table in
        select pg_class.oid::regclass
        from pg_catalog.pg_class
        where pg_class.relnamespace = 'auth'::regnamespace
            and pg_class.relkind = 'r'
            and pg_class.relowner = 'supabase_lite'::regrole
    loop
        execute format('alter table %s owner to supabase_auth_admin', lite_table);
        execute format('alter table %s enable row level security', lite_table);
        execute format('grant all on table %s to postgres, dashboard_user', lite_table);
    end loop;
end
$$;
