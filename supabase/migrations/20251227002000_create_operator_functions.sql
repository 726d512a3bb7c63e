-- What an operator and the worker ask about the whole: how the queue is, what is installed, what may be thrown away.

create type public.queue_state as (
  ready bigint, waiting bigint, running bigint, scheduled bigint, backoff bigint, dead bigint,
  oldest_ready_seconds numeric, oldest_xmin_age bigint
);

create function public.queue_stats() returns public.queue_state
language sql stable security definer set search_path = ''
as $$
  select
    count(*) filter (where counted.state = 'ready'),
    count(*) filter (where counted.state = 'waiting'),
    count(*) filter (where counted.state = 'running'),
    count(*) filter (where counted.state = 'scheduled'),
    count(*) filter (where counted.state = 'backoff'),
    (select count(*) from (select from queue.dead where dead.resolved_at is null limit 10001) as dead_jobs),
    (
      select round(extract(epoch from private.now() - jobs.created_at)::numeric, 1)
      from queue.jobs where jobs.state = 'ready' order by jobs.priority, jobs.id limit 1
    ),
    (select max(age(activity.backend_xmin))::bigint from pg_catalog.pg_stat_activity as activity)
  from (select jobs.state from queue.jobs limit 100001) as counted
$$;
comment on function public.queue_stats() is
  'Jobs by state (counting stops at 100,001, dead at 10,001), how long the next ready job has existed in seconds, and how far the oldest open snapshot holds back vacuum.';
revoke all on function public.queue_stats() from public, anon, authenticated, service_role;
grant execute on function public.queue_stats() to service_role;

create function public.describe_installation() returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  migrations jsonb := '[]';
begin
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute 'select coalesce(jsonb_agg(version order by version), ''[]'') from supabase_migrations.schema_migrations' into migrations;
  end if;
  return jsonb_build_object(
    'migrations', migrations,
    'clock_offset_seconds', (select extract(epoch from clock.clock_offset) from private.clock),
    'server_version', current_setting('server_version'),
    'now', private.iso(private.now())
  );
end
$$;
comment on function public.describe_installation() is 'Which migrations are applied, the clock''s offset in seconds (zero outside tests), the server''s version.';
revoke all on function public.describe_installation() from public, anon, authenticated, service_role;
grant execute on function public.describe_installation() to service_role;

create function public.run_maintenance() returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  step constant integer := 1000;
  v_now constant timestamptz := private.now();
  old_keys integer;
  old_jobs integer;
  abandoned integer;
begin
  abandoned := private.expire_abandoned(100, v_now);
  delete from private.identity_calls where identity_calls.called_at < v_now - interval '2 days';
  delete from queue.keys where keys.idempotency_key in (
    select old.idempotency_key from queue.keys as old where old.created_at < v_now - interval '30 days' limit step
  );
  get diagnostics old_keys = row_count;
  delete from queue.finished where finished.id in (
    select old.id from queue.finished as old where old.finished_at < v_now - interval '30 days' limit step
  );
  get diagnostics old_jobs = row_count;
  return jsonb_build_object('keys', old_keys, 'finished', old_jobs, 'expired', abandoned,
    'more', old_keys = step or old_jobs = step or abandoned = 100);
end
$$;
comment on function public.run_maintenance() is
  'Throws away idempotency keys and finished jobs older than 30 days, at most 1,000 each a call; expires up to 100 payments whose window nobody came back to for a day. more = true: call again.';
revoke all on function public.run_maintenance() from public, anon, authenticated, service_role;
grant execute on function public.run_maintenance() to service_role;

notify pgrst, 'reload schema';
