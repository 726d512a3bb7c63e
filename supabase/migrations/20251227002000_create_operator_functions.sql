-- What an operator and the worker ask about the whole: how the queue is.

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

notify pgrst, 'reload schema';
