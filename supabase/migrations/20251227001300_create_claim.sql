-- Handing jobs to workers: what a dead worker left, what has become due, then the oldest of what is ready.

create type public.claimed_job as (
  id bigint, claim integer, kind text, lane text, failures integer, payload jsonb, operation_id uuid,
  lease_until timestamptz, context jsonb
);
create type public.extended_lease as (index integer, job_id bigint, held boolean);
create type public.released_job as (index integer, job_id bigint, released boolean);

create function private.job_context(p_id bigint, p_kind text, p_payload jsonb, p_operation_id uuid) returns jsonb
-- Looked up by key, once a job: planning it anew for each, as claim_jobs has it for itself, costs ten times the look-up.
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  subject constant text := p_payload ->> 'payment_id';
  context jsonb := '{}';
begin
  if p_kind in (
      'register_billing_key', 'delete_billing_key', 'sync_billing_key', 'charge_billing_key', 'create_schedule', 'revoke_schedule', 'confirm_payment', 'read_identity'
    )
    -- Most payments are nobody's schedule.
    or (p_kind = 'sync_payment' and exists (select from public.payment_schedules as schedules where schedules.payment_id = subject)) then
    context := private.card_context(p_id, p_kind, p_payload, p_operation_id);
  end if;
  if subject is null then
    return context;
  end if;
  context := context || jsonb_build_object('payment', (
    select jsonb_build_object(
      'payment_id', payments.payment_id, 'status', payments.status, 'origin', payments.origin,
      -- Money is spoken of where it lies.
      'store_id', case when private.is_settled(payments.portone_status) then coalesce(payments.portone_store_id, payments.store_id) else payments.store_id end,
      'channel_key', payments.channel_key, 'order_name', payments.order_name,
      'amount', payments.amount, 'tax_free_amount', payments.tax_free_amount, 'currency', payments.currency,
      'pay_method', payments.pay_method, 'pg_provider', payments.pg_provider, 'known', payments.portone_status is not null
    )
    from public.payments where payments.payment_id = subject
  ));
  if p_kind = 'prepare_payment' then
    context := context || jsonb_build_object('channel', private.channel_for('payment', p_payload ->> 'pay_method'));
  end if;
  if p_payload ? 'cancellation' then
    context := context || jsonb_build_object('cancellation', (
      select jsonb_build_object(
        'id', refunds.id, 'amount', refunds.amount, 'held_amount', refunds.held_amount, 'tax_free_amount', refunds.tax_free_amount,
        'reason', refunds.reason, 'requester', upper(refunds.requester), 'status', refunds.status, 'cancellation_id', refunds.cancellation_id,
        'refund_account', (
          select jsonb_strip_nulls(jsonb_build_object('bank', accounts.bank, 'number', accounts.number,
            'holderName', accounts.holder_name, 'holderPhoneNumber', accounts.holder_phone_number))
          from private.refund_accounts as accounts where accounts.cancellation = refunds.id
        )
      )
      from public.payment_cancellations as refunds where refunds.id = private.uuid_of(p_payload ->> 'cancellation')
    ));
  end if;
  if p_operation_id is not null then
    context := context || jsonb_build_object('attempt', (
      select jsonb_build_object('number', attempts.number, 'idempotency_key', attempts.idempotency_key,
        'sent_at', private.iso(attempts.sent_at), 'outcome', attempts.outcome)
      from private.attempts where attempts.operation_id = p_operation_id
      order by attempts.number desc limit 1
    ));
  end if;
  return context;
end
$$;
comment on function private.job_context(bigint, text, jsonb, uuid) is 'What a worker needs to know to run a job, as of its claim: the payment, the refund with its bank details, the last attempt.';
revoke all on function private.job_context(bigint, text, jsonb, uuid) from public, anon, authenticated, service_role;

create function private.lives(p_job queue.jobs, p_now timestamptz) returns integer
language sql immutable set search_path = ''
return coalesce(p_job.max_failures::integer, case when p_job.give_up_at < p_now then 20 end);
comment on function private.lives(queue.jobs, timestamptz) is
  'How many workers a job may kill before a person is asked. A money job as many as it takes, until its time is over; then it still has 20 tries to be decided by reading back.';
revoke all on function private.lives(queue.jobs, timestamptz) from public, anon, authenticated, service_role;

-- Jobs are found by `id = any (array)` and never by a join, in all queue functions: a queue that was analysed while it was
-- drained looks empty to the planner, which would then walk along the whole primary key beside the fifty rows wanted.
create function private.reap_jobs(p_max integer, p_now timestamptz) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
declare
  expired_ids bigint[];
  lost record;
begin
  -- The claim number stays: a late completion is accepted until somebody else claims.
  expired_ids := array(
    select jobs.id from queue.jobs
    where jobs.state = 'running' and jobs.lease_until < p_now
      and coalesce(jobs.failures + 1 < private.lives(jobs, p_now), true)
    order by jobs.lease_until
    limit p_max
    for no key update skip locked
  );
  update queue.jobs
  set state = 'ready', lease_until = null, worker = null, failures = least(jobs.failures + 1, 32000)::smallint,
    last_error = jsonb_build_object('code', 'LEASE_EXPIRED', 'message', 'The worker stopped answering.')
  where jobs.id = any (expired_ids);

  for lost in
    select jobs.id, jobs.lane from queue.jobs
    where jobs.state = 'running' and jobs.lease_until < p_now
      and jobs.failures + 1 >= private.lives(jobs, p_now)
    order by jobs.lease_until
    limit p_max
    for no key update skip locked
  loop
    if lost.lane is null or pg_try_advisory_xact_lock(private.lane_key(lost.lane)) then
      perform private.bury_job(lost.id, 'lease_expired', jsonb_build_object('code', 'LEASE_EXPIRED', 'message', 'The worker died every time it ran this job.'), p_now);
      perform private.promote_lanes(array[lost.lane]);
    end if;
  end loop;
end
$$;
comment on function private.reap_jobs(integer, timestamptz) is 'Jobs whose worker stopped renewing its lease become ready again, or dead when that happened too often.';
revoke all on function private.reap_jobs(integer, timestamptz) from public, anon, authenticated, service_role;

create function private.promote_due_jobs(p_max integer, p_now timestamptz) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
declare
  due_ids bigint[];
  due record;
begin
  due_ids := array(
    select jobs.id from queue.jobs
    where jobs.state in ('scheduled', 'backoff') and jobs.run_at <= p_now
      and (jobs.state = 'backoff' or jobs.lane is null)
    order by jobs.run_at
    limit p_max
    for no key update skip locked
  );
  update queue.jobs set state = 'ready', run_at = null
  where jobs.id = any (due_ids);

  for due in
    select jobs.id, jobs.lane from queue.jobs
    where jobs.state in ('scheduled', 'backoff') and jobs.run_at <= p_now and jobs.state = 'scheduled' and jobs.lane is not null
    order by jobs.run_at
    limit p_max
    for no key update skip locked
  loop
    if pg_try_advisory_xact_lock(private.lane_key(due.lane)) then
      update queue.jobs set state = 'waiting', run_at = null where id = due.id;
      perform private.promote_lanes(array[due.lane]);
    end if;
  end loop;
end
$$;
comment on function private.promote_due_jobs(integer, timestamptz) is 'Backoffs that are over become ready; scheduled jobs join their lane.';
revoke all on function private.promote_due_jobs(integer, timestamptz) from public, anon, authenticated, service_role;

create function public.claim_jobs(worker text, max integer, lease_seconds integer, after_id bigint default 0)
returns setof public.claimed_job
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_ids bigint[];
begin
  if coalesce(char_length(claim_jobs.worker), 0) not between 1 and 200 then
    perform private.fail('422', 'WORKER_REQUIRED', 'worker must be a name of 1 to 200 characters.', 'worker', 'Send a name that tells processes apart, like host:pid.');
  end if;
  if claim_jobs.max is null or claim_jobs.max not between 1 and 500 then
    perform private.fail('422', 'MAX_OUT_OF_RANGE', 'max must be between 1 and 500.', 'max', 'Claim less at a time.', jsonb_build_object('max', 500));
  end if;
  if claim_jobs.lease_seconds is null or claim_jobs.lease_seconds not between 1 and 3600 then
    perform private.fail('422', 'LEASE_OUT_OF_RANGE', 'lease_seconds must be between 1 and 3600.', 'lease_seconds', '60 is a good lease.', jsonb_build_object('max', 3600));
  end if;

  perform private.reap_jobs(claim_jobs.max, v_now);
  perform private.promote_due_jobs(claim_jobs.max, v_now);

  v_ids := array(
    select jobs.id from queue.jobs
    where jobs.state = 'ready' and jobs.id > coalesce(claim_jobs.after_id, 0)
    order by jobs.priority, jobs.id
    limit claim_jobs.max
    for no key update skip locked
  );

  return query
  with claimed as (
    update queue.jobs
    set state = 'running', claim = jobs.claim + 1, worker = claim_jobs.worker,
      lease_until = v_now + make_interval(secs => claim_jobs.lease_seconds)
    where jobs.id = any (v_ids)
    returning jobs.*
  )
  select
    claimed.id, claimed.claim, claimed.kind, claimed.lane, claimed.failures::integer, claimed.payload, claimed.operation_id,
    claimed.lease_until, private.job_context(claimed.id, claimed.kind, claimed.payload, claimed.operation_id)
  from claimed
  order by claimed.priority, claimed.id;
end
$$;
comment on function public.claim_jobs(text, integer, integer, bigint) is
  'Leases up to max jobs (1 to 500) to a worker for lease_seconds. Each claim raises the job''s claim number, which every later call about it must name. after_id is a floor under the ids looked at (0 for all).';
revoke all on function public.claim_jobs(text, integer, integer, bigint) from public, anon, authenticated, service_role;
grant execute on function public.claim_jobs(text, integer, integer, bigint) to service_role;

create function private.check_claims(p_name text, p_elements jsonb[]) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  bad integer;
begin
  perform private.check_batch(p_name, p_elements);
  select element.index into bad
  from unnest(p_elements) with ordinality as element (value, index)
  where coalesce(element.value ->> 'job_id', '') !~ '^[0-9]{1,18}$' or coalesce(element.value ->> 'claim', '') !~ '^[1-9][0-9]{0,8}$'
  limit 1;
  if bad is not null then
    perform private.fail('422', 'CLAIM_REQUIRED', format('%s[%s] needs job_id and claim as claim_jobs gave them.', p_name, bad),
      format('%s[%s]', p_name, bad), 'Send both numbers.');
  end if;
end
$$;
comment on function private.check_claims(text, jsonb[]) is 'Every element names the job and the claim it speaks for.';
revoke all on function private.check_claims(text, jsonb[]) from public, anon, authenticated, service_role;

create function private.job_of(p_element jsonb) returns bigint
language sql immutable set search_path = ''
return (p_element ->> 'job_id')::bigint;
comment on function private.job_of(jsonb) is 'The job a checked element names.';
revoke all on function private.job_of(jsonb) from public, anon, authenticated, service_role;

create function private.claim_of(p_element jsonb) returns text
language sql immutable set search_path = ''
return (p_element ->> 'job_id')::bigint || ':' || (p_element ->> 'claim')::integer;
comment on function private.claim_of(jsonb) is 'The job and the claim a checked element speaks for, as <job id>:<claim>.';
revoke all on function private.claim_of(jsonb) from public, anon, authenticated, service_role;

create function private.lock_jobs(p_ids bigint[]) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
begin
  perform from queue.jobs where jobs.id = any (p_ids) order by jobs.id for no key update;
end
$$;
comment on function private.lock_jobs(bigint[]) is
  'Waits for the rows of these jobs in one order for everybody: two calls about the same jobs wait for each other, never in a ring.';
revoke all on function private.lock_jobs(bigint[]) from public, anon, authenticated, service_role;

create function public.extend_leases(leases jsonb[]) returns setof public.extended_lease
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_ids bigint[];
  v_claims text[];
  v_seconds double precision[];
begin
  perform private.check_claims('leases', extend_leases.leases);
  select array_agg(private.job_of(element.value)), array_agg(private.claim_of(element.value)),
    array_agg(least(3600, greatest(1, coalesce(private.number_of(element.value ->> 'lease_seconds'), 60))))
  into v_ids, v_claims, v_seconds
  from unnest(extend_leases.leases) as element (value);
  perform private.lock_jobs(v_ids);

  return query
  with extended as (
    update queue.jobs
    set lease_until = v_now + make_interval(secs => v_seconds[array_position(v_claims, jobs.id || ':' || jobs.claim)])
    where jobs.id = any (v_ids) and jobs.id || ':' || jobs.claim = any (v_claims) and jobs.lease_until is not null
    returning jobs.id || ':' || jobs.claim as claim
  )
  select element.index::integer, private.job_of(element.value), private.claim_of(element.value) in (select extended.claim from extended)
  from unnest(extend_leases.leases) with ordinality as element (value, index)
  order by element.index;
end
$$;
comment on function public.extend_leases(jsonb[]) is
  'Heartbeat: {job_id, claim, lease_seconds} of everything in flight. held = false means the claim is lost: drop the job, settle nothing.';
revoke all on function public.extend_leases(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.extend_leases(jsonb[]) to service_role;

create function public.release_jobs(jobs jsonb[]) returns setof public.released_job
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_ids bigint[];
  v_claims text[];
begin
  perform private.check_claims('jobs', release_jobs.jobs);
  select array_agg(private.job_of(element.value)), array_agg(private.claim_of(element.value))
  into v_ids, v_claims
  from unnest(release_jobs.jobs) as element (value);
  perform private.lock_jobs(v_ids);

  return query
  with freed as (
    -- The claim number moves on: whoever released it can no longer settle it.
    update queue.jobs
    set state = 'ready', lease_until = null, worker = null, claim = jobs.claim + 1
    where jobs.id = any (v_ids) and jobs.id || ':' || jobs.claim = any (v_claims) and jobs.lease_until is not null
    returning jobs.id || ':' || (jobs.claim - 1) as claim
  )
  select element.index::integer, private.job_of(element.value), private.claim_of(element.value) in (select freed.claim from freed)
  from unnest(release_jobs.jobs) with ordinality as element (value, index)
  order by element.index;
end
$$;
comment on function public.release_jobs(jsonb[]) is 'Graceful stop: gives claimed jobs {job_id, claim} back at once, failures unchanged.';
revoke all on function public.release_jobs(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.release_jobs(jsonb[]) to service_role;
