-- What a job leaves behind when it ends, whoever ends it: webhooks and operations that waited, payments and refunds under way.

create type private.ending as (
  job_id bigint, webhook_status public.webhook_status, skip_reason text, operation_status public.operation_status, result jsonb, error jsonb
);

create function private.finish_dependents(p_endings private.ending[], p_now timestamptz, out operation_ids uuid[], out job_ids bigint[])
language plpgsql set search_path = ''
as $$
declare
  ended_ids constant bigint[] := array(select ending.job_id from unnest(p_endings) as ending);
begin
  -- All jobs of a call in two statements; by their array of ids, never by a join (see reap_jobs).
  update public.webhook_logs
  set status = p_endings[array_position(ended_ids, webhook_logs.job_id)].webhook_status,
    skip_reason = p_endings[array_position(ended_ids, webhook_logs.job_id)].skip_reason,
    error = p_endings[array_position(ended_ids, webhook_logs.job_id)].error,
    processed_at = p_now,
    -- the payment may have become known only now
    payment_id = coalesce(webhook_logs.payment_id, (
      select payments.payment_id from public.payments
      where webhook_logs.subject_kind = 'payment' and payments.payment_id = webhook_logs.subject_id
    ))
  where webhook_logs.job_id = any (ended_ids) and webhook_logs.status = 'received';

  with ended as (
    update public.payment_operations
    set status = p_endings[array_position(ended_ids, payment_operations.job_id)].operation_status,
      result = p_endings[array_position(ended_ids, payment_operations.job_id)].result,
      error = p_endings[array_position(ended_ids, payment_operations.job_id)].error,
      finished_at = p_now,
      payment_id = coalesce(payment_operations.payment_id, p_endings[array_position(ended_ids, payment_operations.job_id)].result ->> 'paymentId')
    where payment_operations.job_id = any (ended_ids) and payment_operations.status = 'pending'
      and payment_operations.kind <> 'cancel_payment'
      -- Nobody knows yet how it ended: not even that it failed.
      and not exists (
        select from private.attempts
        where attempts.operation_id = payment_operations.id
          and (attempts.decided_at is null or (
            attempts.outcome in ('succeeded', 'requested')
            and p_endings[array_position(ended_ids, payment_operations.job_id)].operation_status = 'failed'
          ))
      )
    returning payment_operations.id, payment_operations.job_id
  )
  select coalesce(array_agg(ended.id), '{}'), coalesce(array_agg(ended.job_id), '{}') into operation_ids, job_ids from ended;
end
$$;
comment on function private.finish_dependents(private.ending[], timestamptz) is
  'Jobs have ended, each named once: so have the webhook deliveries and the operations that waited for them. A refund''s operation ends with its cancellation instead. Returns the operations, and the job of each.';
revoke all on function private.finish_dependents(private.ending[], timestamptz) from public, anon, authenticated, service_role;

create function private.bury_job(p_id bigint, p_reason text, p_error jsonb, p_now timestamptz) returns uuid[]
language plpgsql set search_path = ''
as $$
declare
  job queue.jobs;
  refund public.payment_cancellations;
  known_error jsonb := coalesce(p_error, jsonb_build_object('code', 'JOB_DEAD', 'message', 'The job failed too often.')) || jsonb_build_object('reason', p_reason);
begin
  delete from queue.jobs where id = p_id returning * into job;
  insert into queue.dead (id, kind, lane, claim, reason, failures, operation_id, payload, error, created_at, died_at)
  values (job.id, job.kind, job.lane, job.claim, p_reason, job.failures, job.operation_id, job.payload, known_error, job.created_at, p_now);

  if job.kind = 'prepare_payment' then
    perform private.abandon_payment(job.payload ->> 'payment_id', known_error, p_now);
  elsif job.kind = 'cancel_payment' then
    select * into refund from public.payment_cancellations where id = (job.payload ->> 'cancellation')::uuid;
    if refund.status = 'reserved' then
      -- never sent: nothing can have happened
      perform private.end_cancellation(refund.id, 'failed', known_error, (select payments.status from public.payments where payments.payment_id = refund.payment_id), 'database', p_now);
      perform private.rebalance(refund.payment_id, p_now);
    elsif refund.status in ('requested', 'unknown') and refund.cancellation_id is null then
      update public.payment_cancellations set status = 'unknown', updated_at = p_now where id = refund.id;
      perform private.open_drift('undecided_cancellation', refund.id::text,
        jsonb_build_object('payment_id', refund.payment_id, 'amount', refund.amount, 'job_id', job.id), p_now);
      perform private.read_when_decidable(job.operation_id, refund.payment_id, p_now);
    end if;
  elsif job.kind in ('charge_billing_key', 'confirm_payment', 'create_schedule') then
    if exists (
      select from private.attempts
      where attempts.operation_id = job.operation_id and (attempts.decided_at is null or attempts.outcome in ('succeeded', 'requested'))
    ) then
      perform private.open_drift('undecided_charge', job.operation_id::text,
        jsonb_build_object('payment_id', job.payload ->> 'payment_id', 'kind', job.kind, 'job_id', job.id), p_now);
      perform private.read_when_decidable(job.operation_id, job.payload ->> 'payment_id', p_now);
    else
      perform private.end_call(job.operation_id, job.kind, job.payload ->> 'payment_id', 'failed', known_error, p_now);
    end if;
  elsif job.kind in ('revoke_schedule', 'close_virtual_account', 'stop_cancellation') then
    -- It may have happened at PortOne, and the answer is what was lost: nothing else would tell before a schedule's time.
    perform private.sync_later(job.payload ->> 'payment_id', p_now + interval '1 minute', p_now);
  elsif job.kind = 'register_billing_key' then
    update public.billing_keys set billing_key = null, updated_at = p_now
    where id = private.uuid_of(job.payload ->> 'billing_key_id') and issued_at is null;
  end if;
  return (private.finish_dependents(array[row(job.id, 'failed', null, 'failed', null, known_error)::private.ending], p_now)).operation_ids;
end
$$;
comment on function private.bury_job(bigint, text, jsonb, timestamptz) is
  'Moves a job to queue.dead and ends what waited for it. A refund that was sent and is undecided stays unknown, keeps its hold and opens a finding; what else may have happened is read back. The caller holds the lane and promotes it.';
revoke all on function private.bury_job(bigint, text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.abandon_payment(p_payment_id text, p_failure jsonb, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  update public.payments set status = 'failed', is_live = false, failed_at = p_now, updated_at = p_now,
    failure = jsonb_build_object('code', p_failure ->> 'code', 'message', p_failure ->> 'message')
  where payments.payment_id = p_payment_id and payments.status = 'preparing';
  if found then
    perform private.append_event(p_payment_id, 'status_changed', 'preparing', 'failed', jsonb_build_object('code', p_failure ->> 'code'), 'database', p_now);
  end if;
end
$$;
comment on function private.abandon_payment(text, jsonb, timestamptz) is 'A payment that could not be prepared: its id was never shown to anyone, so its order is free again.';
revoke all on function private.abandon_payment(text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.rebalance(p_payment_id text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  payment public.payments;
begin
  select * into payment from public.payments where payments.payment_id = p_payment_id for no key update;
  if found then
    perform private.balance_payment(payment, false, payment.paid_amount, payment.cancelled_amount, payment.status, p_now);
  end if;
end
$$;
comment on function private.rebalance(text, timestamptz) is 'Holds anew after a refund was asked for or ended.';
revoke all on function private.rebalance(text, timestamptz) from public, anon, authenticated, service_role;
