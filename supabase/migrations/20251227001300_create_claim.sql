-- Handing jobs to workers: what a dead worker left, what has become due, then the oldest of what is ready.

create type public.claimed_job as (
  id bigint, claim integer, kind text, lane text, failures integer, payload jsonb, operation_id uuid,
  lease_until timestamptz, context jsonb
);
create type public.extended_lease as (index integer, job_id bigint, held boolean);
create type public.released_job as (index integer, job_id bigint, released boolean);

create function private.job_context(p_id bigint, p_kind text, p_payload jsonb, p_operation_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_kind in (
    'register_billing_key', 'delete_billing_key', 'sync_billing_key', 'charge_billing_key', 'create_schedule', 'revoke_schedule', 'confirm_payment', 'read_identity',
    'sync_payment'
  ) then private.card_context(p_id, p_kind, p_payload, p_operation_id) else '{}'::jsonb end || case when p_payload ? 'payment_id' then jsonb_build_object(
    'channel', case when p_kind = 'prepare_payment' then private.channel_for('payment', p_payload ->> 'pay_method') end,
    'payment', (
      select jsonb_build_object(
        'payment_id', payments.payment_id, 'status', payments.status, 'origin', payments.origin,
        'store_id', payments.store_id, 'channel_key', payments.channel_key, 'order_name', payments.order_name,
        'amount', payments.amount, 'tax_free_amount', payments.tax_free_amount, 'currency', payments.currency,
        'pay_method', payments.pay_method, 'pg_provider', payments.pg_provider, 'known', payments.portone_status is not null
      )
      from public.payments where payments.payment_id = p_payload ->> 'payment_id'
    ),
    'cancellation', (
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
    ),
    'attempt', (
      select jsonb_build_object('number', attempts.number, 'idempotency_key', attempts.idempotency_key,
        'sent_at', private.iso(attempts.sent_at), 'outcome', attempts.outcome)
      from (
        select number, idempotency_key, sent_at, outcome from private.attempts where attempts.cancellation = private.uuid_of(p_payload ->> 'cancellation')
        union all
        select number, idempotency_key, sent_at, outcome from private.operation_attempts where operation_attempts.operation_id = p_operation_id
      ) as attempts
      order by attempts.number desc limit 1
    )
  ) else '{}'::jsonb end;
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

-- Joins by primary key only, in all of this file's queue functions: with the figures of a table that has just grown, the
-- planner would rather read all of it once than look up fifty rows.
create function private.reap_jobs(p_max integer, p_now timestamptz) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan
set enable_mergejoin = off set enable_hashjoin = off
as $$
declare
  lost record;
begin
  -- The claim number stays: a late completion is accepted until somebody else claims.
  with expired as materialized (
    select jobs.id from queue.jobs
    where jobs.state = 'running' and jobs.lease_until < p_now
      and coalesce(jobs.failures + 1 < private.lives(jobs, p_now), true)
    order by jobs.lease_until
    limit p_max
    for no key update skip locked
  )
  update queue.jobs
  set state = 'ready', lease_until = null, worker = null, failures = least(jobs.failures + 1, 32000)::smallint,
    last_error = jsonb_build_object('code', 'LEASE_EXPIRED', 'message', 'The worker stopped answering.')
  from expired
  where jobs.id = expired.id;

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
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan
set enable_mergejoin = off set enable_hashjoin = off
as $$
declare
  due record;
begin
  with due_again as materialized (
    select jobs.id from queue.jobs
    where jobs.state in ('scheduled', 'backoff') and jobs.run_at <= p_now
      and (jobs.state = 'backoff' or jobs.lane is null)
    order by jobs.run_at
    limit p_max
    for no key update skip locked
  )
  update queue.jobs set state = 'ready', run_at = null
  from due_again
  where jobs.id = due_again.id;

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
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan
set enable_mergejoin = off set enable_hashjoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
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

  return query
  with candidates as materialized (
    select jobs.id from queue.jobs
    where jobs.state = 'ready' and jobs.id > coalesce(claim_jobs.after_id, 0)
    order by jobs.priority, jobs.id
    limit claim_jobs.max
    for no key update skip locked
  ),
  claimed as (
    update queue.jobs
    set state = 'running', claim = jobs.claim + 1, worker = claim_jobs.worker,
      lease_until = v_now + make_interval(secs => claim_jobs.lease_seconds)
    from candidates
    where jobs.id = candidates.id
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

create function public.extend_leases(leases jsonb[]) returns setof public.extended_lease
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan
set enable_mergejoin = off set enable_hashjoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
begin
  perform private.check_claims('leases', extend_leases.leases);
  return query
  with wanted as materialized (
    select element.index::integer as index, (element.value ->> 'job_id')::bigint as job_id, (element.value ->> 'claim')::integer as claim,
      least(3600, greatest(1, coalesce(private.number_of(element.value ->> 'lease_seconds'), 60))) as lease_seconds
    from unnest(extend_leases.leases) with ordinality as element (value, index)
  ),
  locked as materialized (
    select jobs.id, jobs.claim from queue.jobs
    where jobs.id in (select wanted.job_id from wanted)
    order by jobs.id
    for no key update
  ),
  extended as (
    update queue.jobs
    set lease_until = v_now + make_interval(secs => wanted.lease_seconds::double precision)
    from wanted, locked
    where jobs.id = wanted.job_id and locked.id = jobs.id and jobs.claim = wanted.claim and jobs.lease_until is not null
    returning jobs.id, jobs.claim
  )
  select wanted.index, wanted.job_id, extended.id is not null
  from wanted
  left join extended on extended.id = wanted.job_id and extended.claim = wanted.claim
  order by wanted.index;
end
$$;
comment on function public.extend_leases(jsonb[]) is
  'Heartbeat: {job_id, claim, lease_seconds} of everything in flight. held = false means the claim is lost: drop the job, settle nothing.';
revoke all on function public.extend_leases(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.extend_leases(jsonb[]) to service_role;

create function public.release_jobs(jobs jsonb[]) returns setof public.released_job
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan
set enable_mergejoin = off set enable_hashjoin = off
as $$
#variable_conflict use_column
begin
  perform private.check_claims('jobs', release_jobs.jobs);
  return query
  with wanted as materialized (
    select element.index::integer as index, (element.value ->> 'job_id')::bigint as job_id, (element.value ->> 'claim')::integer as claim
    from unnest(release_jobs.jobs) with ordinality as element (value, index)
  ),
  locked as materialized (
    select jobs.id from queue.jobs
    where jobs.id in (select wanted.job_id from wanted)
    order by jobs.id
    for no key update
  ),
  freed as (
    -- The claim number moves on: whoever released it can no longer settle it.
    update queue.jobs
    set state = 'ready', lease_until = null, worker = null, claim = jobs.claim + 1
    from wanted, locked
    where jobs.id = wanted.job_id and locked.id = jobs.id and jobs.claim = wanted.claim and jobs.lease_until is not null
    returning jobs.id
  )
  select wanted.index, wanted.job_id, freed.id is not null
  from wanted
  left join freed on freed.id = wanted.job_id
  order by wanted.index;
end
$$;
comment on function public.release_jobs(jsonb[]) is 'Graceful stop: gives claimed jobs {job_id, claim} back at once, failures unchanged.';
revoke all on function public.release_jobs(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.release_jobs(jsonb[]) to service_role;
