-- What operators read about jobs and deliveries, one page at a time.

create type public.listed_job as (
  id bigint, kind text, state text, lane text, payment_id text, failures integer, run_at timestamptz, lease_until timestamptz,
  worker text, operation_id uuid, error jsonb, created_at timestamptz, ended_at timestamptz
);

create function private.list_jobs(p_states text[], p_kind text, p_payment_id text, p_before_id bigint, p_max integer)
returns setof public.listed_job
-- Each combination of filters has a plan of its own.
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  perform private.operator_name(null);
  return query
  select listed.*
  from (
    (
      select jobs.id, jobs.kind, jobs.state, jobs.lane, jobs.payload ->> 'payment_id' as payment_id, jobs.failures::integer, jobs.run_at,
        jobs.lease_until, jobs.worker, jobs.operation_id, jobs.last_error as error, jobs.created_at, null::timestamptz as ended_at
      from queue.jobs
      where (p_states is null or jobs.state = any (p_states)) and (p_kind is null or jobs.kind = p_kind)
        and (p_payment_id is null or jobs.lane = 'payment:' || p_payment_id) and (p_before_id is null or jobs.id < p_before_id)
      order by jobs.id desc limit least(greatest(p_max, 1), 500)
    )
    union all
    (
      select dead.id, dead.kind, 'dead', dead.lane, dead.payload ->> 'payment_id', dead.failures::integer, null, null, null,
        dead.operation_id, dead.error, dead.created_at, dead.died_at
      from queue.dead
      where (p_states is null or 'dead' = any (p_states)) and dead.resolved_at is null and (p_kind is null or dead.kind = p_kind)
        and (p_payment_id is null or dead.lane = 'payment:' || p_payment_id) and (p_before_id is null or dead.id < p_before_id)
      order by dead.id desc limit least(greatest(p_max, 1), 500)
    )
    union all
    (
      select finished.id, finished.kind, finished.outcome, finished.lane, finished.payload ->> 'payment_id', null, null, null, null,
        finished.operation_id, finished.error, finished.created_at, finished.finished_at
      from queue.finished
      where finished.outcome = any (p_states) and (p_kind is null or finished.kind = p_kind)
        and (p_payment_id is null or finished.lane = 'payment:' || p_payment_id) and (p_before_id is null or finished.id < p_before_id)
      order by finished.id desc limit least(greatest(p_max, 1), 500)
    )
  ) as listed
  order by listed.id desc
  limit least(greatest(p_max, 1), 500);
end
$$;
comment on function private.list_jobs(text[], text, text, bigint, integer) is 'Behind public.list_jobs.';
revoke all on function private.list_jobs(text[], text, text, bigint, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_jobs(text[], text, text, bigint, integer) to authenticated, service_role;

create function public.list_jobs(
  states text[] default null, kind text default null, payment_id text default null, before_id bigint default null, max integer default 100
) returns setof public.listed_job
language sql stable set search_path = ''
as $$ select * from private.list_jobs(states, kind, payment_id, before_id, max) $$;
comment on function public.list_jobs(text[], text, text, bigint, integer) is
  'Operators: jobs, youngest first, at most 500 a call, below before_id. states: ready, running, waiting, backoff, scheduled, dead, and done and failed of the last 30 days; null is all that is not finished. Refuses ADMIN_REQUIRED.';
revoke all on function public.list_jobs(text[], text, text, bigint, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_jobs(text[], text, text, bigint, integer) to authenticated, service_role;

create function private.describe_job(p_id bigint) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  who constant text := private.operator_name(null);
  described jsonb;
begin
  select found.job into described from (
    select to_jsonb(jobs) as job from queue.jobs where jobs.id = p_id
    union all
    select to_jsonb(dead) || jsonb_build_object('state', case when dead.resolved_at is null then 'dead' else 'discarded' end) from queue.dead where dead.id = p_id
    union all
    select to_jsonb(finished) - 'outcome' || jsonb_build_object('state', finished.outcome) from queue.finished where finished.id = p_id
  ) as found;
  if described is null then
    perform private.fail('404', 'JOB_NOT_FOUND', 'There is no such job.', 'id', 'Finished jobs are kept for 30 days.');
  end if;
  return jsonb_strip_nulls(described) || jsonb_build_object(
    'operation', (
      select jsonb_build_object('id', operations.id, 'kind', operations.kind, 'status', operations.status, 'error', operations.error)
      from public.payment_operations as operations where operations.id = (described ->> 'operation_id')::uuid
    ),
    'webhooks', (
      select coalesce(jsonb_agg(jsonb_build_object('id', logs.id, 'webhook_id', logs.webhook_id, 'webhook_type', logs.webhook_type,
        'status', logs.status, 'created_at', private.iso(logs.created_at)) order by logs.id), '[]')
      from public.webhook_logs as logs
      -- by the one index or the other
      where logs.job_id = p_id and (logs.status = 'received' or logs.payment_id = described -> 'payload' ->> 'payment_id')
    ),
    'actions', (
      select coalesce(jsonb_agg(jsonb_build_object('action', actions.action, 'actor', actions.actor, 'reason', actions.reason,
        'created_at', private.iso(actions.created_at)) order by actions.id), '[]')
      from public.operator_actions as actions
      where actions.subject = p_id::text and actions.action in ('requeue_job', 'discard_job', 'cancel_job')
    )
  );
end
$$;
comment on function private.describe_job(bigint) is 'Behind public.describe_job.';
revoke all on function private.describe_job(bigint) from public, anon, authenticated, service_role;
grant execute on function private.describe_job(bigint) to authenticated, service_role;

create function public.describe_job(id bigint) returns jsonb
language sql stable set search_path = ''
return private.describe_job(id);
comment on function public.describe_job(bigint) is
  'Operators: one job wherever it is (state: ready … scheduled, dead, discarded, done, failed), with its operation, its webhook deliveries and what operators did to it. Refuses ADMIN_REQUIRED, JOB_NOT_FOUND.';
revoke all on function public.describe_job(bigint) from public, anon, authenticated, service_role;
grant execute on function public.describe_job(bigint) to authenticated, service_role;

create type public.listed_webhook as (
  id bigint, webhook_id text, webhook_type text, status text, skip_reason text, payment_id text, subject_kind text, subject_id text,
  job_id bigint, attempts integer, error jsonb, event_at timestamptz, created_at timestamptz, processed_at timestamptz
);

create function private.list_webhooks(
  p_status text, p_since timestamptz, p_payment_id text, p_before_id bigint, p_after_id bigint, p_max integer
) returns setof public.listed_webhook
-- Each combination of filters has a plan of its own.
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  wanted constant public.webhook_status := (select word from unnest(enum_range(null::public.webhook_status)) as word where word::text = p_status);
  first_id constant bigint := case when p_since is not null then private.first_webhook_since(p_since) else 0 end;
begin
  perform private.operator_name(null);
  if (p_status is not null and wanted is null) or first_id is null then
    return;
  end if;
  return query
  select
    logs.id, logs.webhook_id, logs.webhook_type, logs.status::text, logs.skip_reason, logs.payment_id, logs.subject_kind, logs.subject_id,
    logs.job_id, logs.attempts, logs.error, logs.event_at, logs.created_at, logs.processed_at
  from public.webhook_logs as logs
  where (wanted is null or logs.status = wanted)
    and logs.id >= first_id and (p_since is null or logs.created_at >= p_since)
    and (p_payment_id is null or logs.payment_id = p_payment_id
      or (logs.payment_id is null and logs.subject_kind = 'payment' and logs.subject_id = p_payment_id))
    and (p_before_id is null or logs.id < p_before_id)
    and (p_after_id is null or logs.id > p_after_id)
  -- after an id: the oldest first, so that following on misses nothing
  order by case when p_after_id is null then logs.id end desc, logs.id
  limit least(greatest(p_max, 1), 500);
end
$$;
comment on function private.list_webhooks(text, timestamptz, text, bigint, bigint, integer) is 'Behind public.list_webhooks.';
revoke all on function private.list_webhooks(text, timestamptz, text, bigint, bigint, integer) from public, anon, authenticated, service_role;
grant execute on function private.list_webhooks(text, timestamptz, text, bigint, bigint, integer) to authenticated, service_role;

create function public.list_webhooks(
  status text default null, since timestamptz default null, payment_id text default null, before_id bigint default null,
  after_id bigint default null, max integer default 100
) returns setof public.listed_webhook
language sql stable set search_path = ''
as $$ select * from private.list_webhooks(status, since, payment_id, before_id, after_id, max) $$;
comment on function public.list_webhooks(text, timestamptz, text, bigint, bigint, integer) is
  'Operators: webhook deliveries without their bodies, youngest first below before_id, or oldest first above after_id; at most 500 a call, by status, since a moment, of one payment. Refuses ADMIN_REQUIRED.';
revoke all on function public.list_webhooks(text, timestamptz, text, bigint, bigint, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_webhooks(text, timestamptz, text, bigint, bigint, integer) to authenticated, service_role;
