-- Roles of a Supabase project, once per cluster. Run as supabase_admin (the bootstrap superuser).
-- Source: Supabase's own database image (init scripts and later migrations), reduced to what a
-- project's migrations and API can notice.

-- postgres: the role that applies migrations. Not a superuser on Supabase.
create role postgres
    login nosuperuser createdb createrole replication bypassrls;

-- Roles the API takes on. An API key or a JWT chooses one of them.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;

grant anon to authenticator;
grant authenticated to authenticator;
grant service_role to authenticator;
grant anon to postgres with admin option;
grant authenticated to postgres with admin option;
grant service_role to postgres with admin option;
grant authenticator to postgres with admin option;
grant pg_monitor to postgres with admin option;
grant pg_read_all_data to postgres with admin option;
grant pg_signal_backend to postgres with admin option;
do $$
begin
    if to_regrole('pg_create_subscription') is not null then -- from PostgreSQL 16 on
        grant pg_create_subscription to postgres with admin option;
    end if;
end
$$;

-- Owners of the schemas Supabase's services keep.
create role supabase_auth_admin login noinherit createrole;
create role supabase_storage_admin login noinherit createrole;
create role supabase_realtime_admin nologin noinherit;
create role supabase_replication_admin login replication;
create role supabase_read_only_user login bypassrls;
create role dashboard_user nologin createdb createrole replication;
create role pgbouncer login;
grant pg_read_all_data to supabase_read_only_user;
alter role supabase_read_only_user set default_transaction_read_only = on;

-- Timeouts of the API roles.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role supabase_auth_admin set idle_in_transaction_session_timeout = 60000;

alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_auth_admin set search_path = auth;
