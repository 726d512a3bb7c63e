-- What is installed here, and what stands open that should not: what the worker checks before it starts, and `doctor`.

create function private.schema_release() returns integer
language sql immutable set search_path = ''
return 1;
comment on function private.schema_release() is
  'Which contract between database and worker this is. A release whose migrations a running older worker would not survive raises it; the worker refuses another number than its own.';
revoke all on function private.schema_release() from public, anon, authenticated, service_role;

create function private.applied_migrations() returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  applied jsonb := '[]';
begin
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    -- A copy in somebody's project carries in its first line which of our files it is.
    execute $query$
      select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'version', migration ->> 'version', 'name', migration ->> 'name',
        'copy_of', substring(migration #>> '{statements,0}' from '^-- portone-supabase: (\S+) sha256:'),
        -- Of the text as the CLI keeps it: cut into statements, so without what it cuts away, and without a copy's first line.
        'digest', md5(regexp_replace(
          regexp_replace(
            (
              select string_agg(cut.statement, '' order by cut.place)
              from jsonb_array_elements_text(case jsonb_typeof(migration -> 'statements') when 'array' then migration -> 'statements' else '[]' end)
                with ordinality as cut (statement, place)
            ),
            '^-- portone-supabase: [^\n]*\n', ''
          ),
          '[ \t\r\n;]', '', 'g'
        ))
      )) order by migration ->> 'version'), '[]')
      from (select to_jsonb(schema_migrations) as migration from supabase_migrations.schema_migrations) as listed
    $query$ into applied;
  end if;
  return applied;
end
$$;
comment on function private.applied_migrations() is 'The history `supabase db push` keeps: version, name, and of which of our files a migration is a copy. Empty where nobody keeps one.';
revoke all on function private.applied_migrations() from public, anon, authenticated, service_role;

create function public.describe_installation() returns jsonb
language sql stable security definer set search_path = ''
as $$
  with relations as (
    select pg_class.oid, pg_namespace.nspname || '.' || pg_class.relname as name, pg_class.relrowsecurity as secured, pg_class.relkind as kind
    from pg_catalog.pg_class
    join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname in ('public', 'private', 'queue') and pg_class.relkind in ('r', 'p', 'v')
  ),
  functions as (
    select pg_proc.oid, pg_namespace.nspname || '.' || pg_proc.proname as name
    from pg_catalog.pg_proc
    join pg_catalog.pg_namespace on pg_namespace.oid = pg_proc.pronamespace
    where pg_namespace.nspname in ('public', 'private', 'queue')
  ),
  clients as (select unnest(array['anon', 'authenticated']) as role)
  select jsonb_build_object(
    'release', private.schema_release(),
    'migrations', private.applied_migrations(),
    'clock_offset_seconds', (select extract(epoch from clock.clock_offset) from private.clock),
    'server_version', current_setting('server_version'),
    'now', private.iso(private.now()),
    'tables_without_rls', (
      select coalesce(jsonb_agg(relations.name order by relations.name), '[]') from relations
      where relations.kind in ('r', 'p') and not relations.secured
    ),
    'client_grants', (
      select coalesce(jsonb_agg(jsonb_build_object('relation', relations.name, 'role', clients.role, 'privilege', privilege) order by relations.name, clients.role, privilege), '[]')
      from relations
      cross join clients
      cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as privilege
      where has_table_privilege(clients.role, relations.oid, privilege)
    ),
    'client_functions', (
      select coalesce(jsonb_agg(distinct jsonb_build_object('function', functions.name, 'role', clients.role)), '[]')
      from functions
      cross join clients
      where has_function_privilege(clients.role, functions.oid, 'EXECUTE')
    ),
    'oldest_job_seconds', (
      select round(extract(epoch from private.now() - jobs.created_at)::numeric, 1) from queue.jobs order by jobs.id limit 1
    ),
    'oldest_ready_seconds', (
      select round(extract(epoch from private.now() - jobs.created_at)::numeric, 1)
      from queue.jobs where jobs.state = 'ready' order by jobs.priority, jobs.id limit 1
    ),
    'dead_jobs', (select count(*) from (select from queue.dead where dead.resolved_at is null limit 10001) as dead_jobs),
    'oldest_xmin_age', (select max(age(activity.backend_xmin))::bigint from pg_catalog.pg_stat_activity as activity)
  )
$$;
comment on function public.describe_installation() is
  'What is installed: {release, migrations: [{version, name, copy_of}], clock_offset_seconds (zero outside tests), server_version, now}; what app clients may do, whatever the migrations meant: {tables_without_rls, client_grants: [{relation, role, privilege}], client_functions: [{function, role}]} in the schemas public, private and queue, the project''s own objects included; how old things are: {oldest_job_seconds, oldest_ready_seconds, dead_jobs, oldest_xmin_age}.';
revoke all on function public.describe_installation() from public, anon, authenticated, service_role;
grant execute on function public.describe_installation() to service_role;

notify pgrst, 'reload schema';
