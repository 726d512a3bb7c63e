-- Lanes (one per payment) and putting jobs into them.
-- Lock rule of the whole database: lanes before rows, sorted; where a row is already held, only try-lock a lane.

create function private.lane_key(p_lane text) returns bigint
language sql immutable set search_path = ''
return hashtextextended(p_lane, 1);
comment on function private.lane_key(text) is 'The advisory lock of a lane.';
revoke all on function private.lane_key(text) from public, anon, authenticated, service_role;

create function private.lock_lanes(p_lanes text[], p_max integer default 100) returns void
language plpgsql set search_path = ''
as $$
declare
  keys bigint[];
  lane_key bigint;
begin
  -- Sorted by key, not by name: two names may share a key.
  keys := array(
    select distinct hashtextextended(lanes.lane, 1) as lane_key
    from unnest(p_lanes) as lanes (lane)
    where lanes.lane is not null
    order by lane_key
  );
  if cardinality(keys) > p_max then
    perform private.fail('422', 'TOO_MANY_LANES', format('The call touches %s payments; at most %s a call.', cardinality(keys), p_max),
      null, 'Split the call.', jsonb_build_object('max', p_max));
  end if;
  foreach lane_key in array keys loop
    perform pg_advisory_xact_lock(lane_key);
  end loop;
end
$$;
comment on function private.lock_lanes(text[], integer) is
  'Waits for every lane, in one order for everybody, until the end of the transaction. The lane''s lock is the payment''s lock.';
revoke all on function private.lock_lanes(text[], integer) from public, anon, authenticated, service_role;

create function private.add_job(
  p_kind text, p_lane text, p_payload jsonb, p_now timestamptz,
  p_operation_id uuid default null, p_max_failures integer default 20, p_give_up_at timestamptz default null
) returns bigint
language sql set search_path = ''
as $$
  insert into queue.jobs (kind, lane, state, max_failures, give_up_at, operation_id, payload, created_at)
  select
    p_kind, p_lane,
    case when p_lane is null or holder.id is null then 'ready' else 'waiting' end,
    p_max_failures, p_give_up_at, p_operation_id, p_payload || jsonb_strip_nulls(jsonb_build_object('request_id', private.request_id())), p_now
  from (values (1)) as one (row)
  left join lateral (
    select jobs.id from queue.jobs
    where jobs.lane = p_lane and jobs.state in ('ready', 'running', 'backoff')
    limit 1
  ) as holder on true
  returning id
$$;
comment on function private.add_job(text, text, jsonb, timestamptz, uuid, integer, timestamptz) is
  'Adds a job to a lane the caller has locked: ready when nobody holds the lane''s slot, else waiting. The payload keeps the id of the request that asked.';
revoke all on function private.add_job(text, text, jsonb, timestamptz, uuid, integer, timestamptz)
from public, anon, authenticated, service_role;

create function private.read_patience() returns integer
language sql immutable set search_path = ''
return 60;
comment on function private.read_patience() is 'Failures before a read-back is given up: with the backoff''s ceiling of 15 minutes, half a day of PortOne being away.';
revoke all on function private.read_patience() from public, anon, authenticated, service_role;

create function private.unstarted_sync(p_lane text, p_kind text default 'sync_payment') returns bigint
language sql stable set search_path = ''
as $$
  -- Two look-ups, one for each partial index; together they would be answered by a walk along the primary key.
  -- The first asks for the slot: by state alone, a plan made while the queue was short would walk along all that is ready.
  select coalesce(
    (
      select case when jobs.state = 'ready' and jobs.kind = p_kind then jobs.id end from queue.jobs
      where jobs.lane = p_lane and jobs.state in ('ready', 'running', 'backoff')
      limit 1
    ),
    (
      select jobs.id from queue.jobs
      -- As a range, ordered by lane first: only the lane's own index gives that order. By id alone the planner may take
      -- the primary key and walk along everybody's jobs.
      where jobs.lane between p_lane and p_lane and jobs.state = 'waiting' and jobs.kind = p_kind
      order by jobs.lane, jobs.id
      limit 1
    )
  )
$$;
comment on function private.unstarted_sync(text, text) is
  'The job of a lane that will read its subject back (p_kind) and has not started: it will see everything up to now. The caller holds the lane.';
revoke all on function private.unstarted_sync(text, text) from public, anon, authenticated, service_role;

create function private.sync_job(p_payment_id text, p_now timestamptz) returns bigint
language sql set search_path = ''
as $$
  select coalesce(
    private.unstarted_sync('payment:' || p_payment_id),
    private.add_job('sync_payment', 'payment:' || p_payment_id, jsonb_build_object('payment_id', p_payment_id), p_now,
      p_max_failures => private.read_patience())
  )
$$;
comment on function private.sync_job(text, timestamptz) is
  'The job that will read this payment back from PortOne: one that waits already, or a new one. The caller holds the lane.';
revoke all on function private.sync_job(text, timestamptz) from public, anon, authenticated, service_role;

create function private.sync_later(p_payment_id text, p_at timestamptz, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  insert into queue.jobs (kind, lane, state, run_at, max_failures, payload, created_at)
  select 'sync_payment', 'payment:' || p_payment_id, 'scheduled', p_at, private.read_patience(), jsonb_build_object('payment_id', p_payment_id), p_now
$$;
comment on function private.sync_later(text, timestamptz, timestamptz) is 'Has a payment read back at a later time, whether or not a webhook comes.';
revoke all on function private.sync_later(text, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function private.promote_lanes(p_lanes text[]) returns void
-- Plans are kept per connection, whoever calls first: one made while the queue was short must not scan it for ever.
language plpgsql set search_path = '' set enable_seqscan = off set enable_mergejoin = off set enable_hashjoin = off
as $$
begin
  with next_jobs as materialized (
    select next_job.id
    from (select distinct lane from unnest(p_lanes) as named (lane) where lane is not null) as lanes
    left join lateral (
      select jobs.id from queue.jobs
      where jobs.lane = lanes.lane and jobs.state in ('ready', 'running', 'backoff')
      limit 1
    ) as holder on true
    cross join lateral (
      select jobs.id from queue.jobs
      where jobs.lane between lanes.lane and lanes.lane and jobs.state = 'waiting'
      order by jobs.lane, jobs.id
      limit 1
    ) as next_job
    where holder.id is null
  )
  update queue.jobs set state = 'ready'
  where jobs.id = any (array(select next_jobs.id from next_jobs));
end
$$;
comment on function private.promote_lanes(text[]) is 'Gives the slot of each free lane to its oldest waiting job. The caller holds the lanes.';
revoke all on function private.promote_lanes(text[]) from public, anon, authenticated, service_role;

create type public.enqueued_job as (index integer, idempotency_key text, job_id bigint, fresh boolean);

create function public.enqueue_jobs(jobs jsonb[]) returns setof public.enqueued_job
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan
set enable_mergejoin = off set enable_hashjoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  bad record;
  fresh_ids bigint[];
  fresh_keys text[];
begin
  perform private.check_batch('jobs', enqueue_jobs.jobs);

  select element.index, element.value into bad
  from unnest(enqueue_jobs.jobs) with ordinality as element (value, index)
  where coalesce(element.value ->> 'job_kind', '') !~ '^[a-z][a-z0-9_]{2,62}$'
    -- these exist only together with the operation that asked for them
    or element.value ->> 'job_kind' in (
      'prepare_payment', 'confirm_payment', 'cancel_payment', 'stop_cancellation', 'close_virtual_account', 'charge_billing_key', 'create_schedule',
      'revoke_schedule', 'register_billing_key', 'delete_billing_key', 'read_identity'
    )
    -- a read-back without its payment's lane would write beside everybody's lock
    or (element.value ->> 'job_kind' = 'sync_payment'
      and coalesce('payment:' || nullif(element.value -> 'payload' ->> 'payment_id', ''), '') <> coalesce(element.value ->> 'lane', '-'))
    or (element.value ->> 'job_kind' = 'sync_billing_key'
      and coalesce('billing_key:' || private.uuid_of(element.value -> 'payload' ->> 'billing_key_id'), '') <> coalesce(element.value ->> 'lane', '-'))
    or pg_column_size(element.value -> 'payload') > 16384
    or char_length(coalesce(element.value ->> 'idempotency_key', '')) not between 8 and 200
    or char_length(element.value ->> 'lane') > 200
    or (element.value ? 'payload' and jsonb_typeof(element.value -> 'payload') <> 'object')
    or coalesce(element.value ->> 'priority', '0') !~ '^-?[0-9]{1,4}$'
    or coalesce(element.value ->> 'run_at', '2000-01-01') !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?$'
    or (element.value ->> 'run_at' is not null and private.time_of(element.value ->> 'run_at') is null)
  order by element.index
  limit 1;
  if bad is not null then
    perform private.fail('422', 'JOB_INVALID',
      format('jobs[%s] needs job_kind (lower case word), idempotency_key (8 to 200 characters), and at most lane, payload (object of 16 KiB), priority, run_at (RFC 3339). A sync_payment or sync_billing_key names its payment or card and takes its lane; what operations ask for comes from requests only.', bad.index),
      format('jobs[%s]', bad.index), 'Correct this element.');
  end if;

  perform private.lock_lanes(array(select element.value ->> 'lane' from unnest(enqueue_jobs.jobs) as element (value)));

  with wanted as materialized (
    select
      element.index,
      element.value ->> 'idempotency_key' as idempotency_key,
      element.value ->> 'job_kind' as kind,
      element.value ->> 'lane' as lane,
      coalesce(element.value -> 'payload', '{}') as payload,
      coalesce((element.value ->> 'priority')::smallint, 0::smallint) as priority,
      (element.value ->> 'run_at')::timestamptz as run_at,
      encode(sha256(convert_to((element.value - 'idempotency_key')::text, 'UTF8')), 'hex') as request_hash
    from unnest(enqueue_jobs.jobs) with ordinality as element (value, index)
  ),
  firsts as materialized (
    select distinct on (idempotency_key) * from wanted order by idempotency_key, index
  ),
  -- Multi-row inserts go in sorted key order: two calls with the same keys wait for each other, never in a ring.
  new_keys as (
    insert into queue.keys (idempotency_key, job_id, request_hash, created_at)
    select idempotency_key, nextval('queue.jobs_id_seq'), request_hash, v_now
    from firsts
    order by idempotency_key
    on conflict (idempotency_key) do nothing
    returning idempotency_key, job_id
  ),
  -- Ids are dealt again in the order of the call: inside a lane, id is the order.
  dealt as (
    select
      ids.job_id as id, firsts.kind, firsts.lane, firsts.priority, firsts.payload, firsts.run_at, firsts.idempotency_key
    from (select row_number() over (order by job_id) as place, job_id from new_keys) as ids
    join (
      select row_number() over (order by firsts.index) as place, firsts.*
      from firsts
      join new_keys using (idempotency_key)
    ) as firsts using (place)
  ),
  added as (
    insert into queue.jobs (id, kind, lane, priority, state, run_at, max_failures, payload, created_at)
    select
      dealt.id, dealt.kind, dealt.lane, dealt.priority,
      case
        when dealt.run_at > v_now then 'scheduled'
        when dealt.lane is null then 'ready'
        when holder.id is null
          and 1 = row_number() over (partition by dealt.lane, coalesce(dealt.run_at, v_now) > v_now order by dealt.id)
          then 'ready'
        else 'waiting'
      end,
      case when dealt.run_at > v_now then dealt.run_at end,
      20, dealt.payload, v_now
    from dealt
    left join lateral (
      select jobs.id from queue.jobs
      where jobs.lane = dealt.lane and jobs.state in ('ready', 'running', 'backoff')
      limit 1
    ) as holder on true
    order by dealt.id
  )
  select array_agg(dealt.id), array_agg(dealt.idempotency_key) into fresh_ids, fresh_keys from dealt;

  update queue.keys set job_id = dealt.id
  from unnest(fresh_ids, fresh_keys) as dealt (id, idempotency_key)
  where keys.idempotency_key = dealt.idempotency_key and keys.job_id <> dealt.id;

  -- A new statement, so that a key committed by a concurrent call is seen.
  select wanted.index into bad
  from unnest(enqueue_jobs.jobs) with ordinality as wanted (value, index)
  join queue.keys on keys.idempotency_key = wanted.value ->> 'idempotency_key'
  where keys.request_hash <> encode(sha256(convert_to((wanted.value - 'idempotency_key')::text, 'UTF8')), 'hex')
  order by wanted.index
  limit 1;
  if bad is not null then
    perform private.fail('409', 'IDEMPOTENCY_KEY_REUSED',
      format('jobs[%s].idempotency_key was used for a different job.', bad.index), format('jobs[%s].idempotency_key', bad.index),
      'Use a new key for a new job.');
  end if;

  return query
  select
    wanted.index::integer,
    keys.idempotency_key,
    keys.job_id,
    keys.job_id = any (coalesce(fresh_ids, '{}'))
    and 1 = row_number() over (partition by keys.idempotency_key order by wanted.index)
  from unnest(enqueue_jobs.jobs) with ordinality as wanted (value, index)
  join queue.keys on keys.idempotency_key = wanted.value ->> 'idempotency_key'
  order by wanted.index;
end
$$;
comment on function public.enqueue_jobs(jsonb[]) is
  'Adds jobs {idempotency_key, job_kind, payload, lane, run_at, priority}, at most 500 and 100 lanes a call. The same key again returns the earlier job (fresh = false); with another job it is refused (IDEMPOTENCY_KEY_REUSED). Safe to repeat.';
revoke all on function public.enqueue_jobs(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.enqueue_jobs(jsonb[]) to service_role;
