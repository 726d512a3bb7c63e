-- Run as supabase_admin in the API's database before each start of Supabase Lite.

-- Lite logs in as a role of its own: with the timeouts PostgREST's `authenticator` has, and with
-- the search path PostgREST sets (Lite names tables without their schema).
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'supabase_lite') then
        create role supabase_lite login superuser;
    end if;
end
$$;
alter role supabase_lite set search_path = public, extensions;
alter role supabase_lite set statement_timeout = '8s';
alter role supabase_lite set lock_timeout = '8s';

-- At its first request Lite 0.10 grants everything on every table of every schema that has row
-- level security to anon, authenticated and service_role (observed). That would undo every revoke
-- in the migrations, so its grants are refused: that first request fails, and is ours.
create or replace function extensions.refuse_grants_of_supabase_lite()
returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
    if session_user = 'supabase_lite' then
        raise exception 'the sandbox refuses grants by Supabase Lite';
    end if;
end
$$;
do $$
begin
    drop event trigger if exists refuse_grants_of_supabase_lite;
    create event trigger refuse_grants_of_supabase_lite on ddl_command_start
        when tag in ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES')
        execute function extensions.refuse_grants_of_supabase_lite();
end
$$;

-- The request we make ourselves; dropped once the API is up.
create or replace function public.sandbox_probe()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object('uid', auth.uid(), 'jwt', auth.jwt(), 'role', current_user)
$$;
revoke all on function public.sandbox_probe() from public, anon, authenticated;
grant execute on function public.sandbox_probe() to service_role;
