-- What became of a call that was sent: one decision for cancels, charges, confirmations and schedules, whoever read PortOne back.

create type private.verdict as (
  verdict text, error jsonb, retry_in numeric, counts boolean, result jsonb, skip_reason text
);

create function private.last_attempt(p_operation_id uuid) returns private.attempts
language sql stable set search_path = ''
as $$ select attempts from private.attempts where attempts.operation_id = p_operation_id order by attempts.number desc limit 1 $$;
comment on function private.last_attempt(uuid) is 'The newest send of an operation; null when nothing was sent.';
revoke all on function private.last_attempt(uuid) from public, anon, authenticated, service_role;

create function private.says_it_is_there(p_error jsonb) returns boolean
language sql immutable set search_path = ''
return coalesce(p_error ->> 'code' in ('ALREADY_PAID', 'ALREADY_PAID_OR_WAITING', 'PAYMENT_SCHEDULE_ALREADY_EXISTS'), false);
comment on function private.says_it_is_there(jsonb) is
  'Whether PortOne refused a charge or a schedule because of what is there already under its payment id, which nothing else uses: then "it never happened" is no answer, whatever its lists do not show.';
revoke all on function private.says_it_is_there(jsonb) from public, anon, authenticated, service_role;

create function private.record_attempt(p_operation_id uuid, p_outcome jsonb, p_now timestamptz) returns boolean
language plpgsql set search_path = ''
as $$
declare
  attempt constant jsonb := p_outcome -> 'attempt';
  sure constant boolean := attempt ->> 'outcome' in ('succeeded', 'requested', 'failed');
begin
  if jsonb_typeof(attempt) is distinct from 'object' then
    return false;
  end if;
  if coalesce(attempt ->> 'outcome', '') not in ('succeeded', 'requested', 'failed', 'unknown') then
    perform private.fail('422', 'ATTEMPT_OUTCOME_UNKNOWN', 'attempt.outcome must be succeeded, requested, failed or unknown.', 'outcomes.attempt.outcome', 'Say unknown when it is not sure.');
  end if;
  update private.attempts
  set outcome = attempt ->> 'outcome', decided_at = case when sure then p_now end, body = case when sure then null else attempts.body end,
    error = case when not sure and private.says_it_is_there(attempts.error) then attempts.error
      else jsonb_strip_nulls(jsonb_build_object('code', attempt ->> 'code', 'message', attempt ->> 'message')) end
  where attempts.operation_id = p_operation_id and attempts.decided_at is null and attempts.number = private.number_of(attempt ->> 'number');
  return found;
end
$$;
comment on function private.record_attempt(uuid, jsonb, timestamptz) is
  'What PortOne answered to a send: outcome.attempt is {number, outcome, cancellation_id, code, message}. False when it says nothing new.';
revoke all on function private.record_attempt(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.decide_attempt(p_attempt private.attempts, p_seen text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  in_window constant boolean := p_now < p_attempt.sent_at + private.idempotency_window();
  -- Once PortOne has said yes, or that it is there already, "it never happened" would be a lie.
  accepted constant boolean := coalesce(p_attempt.outcome in ('succeeded', 'requested'), false) or private.says_it_is_there(p_attempt.error);
begin
  answer.verdict := case
    when p_seen = 'happened' then 'done'
    when in_window then 'retry'
    when p_seen = 'fits' then 'done'
    when p_seen = 'several' then 'dead'
    when accepted then 'retry'
    when p_seen = 'refused' then 'failed'
    when p_seen = 'absent' and p_now >= p_attempt.absent_since + interval '60 seconds' then 'failed'
    else 'retry'
  end;
  if answer.verdict = 'retry' and not in_window and not accepted and p_seen in ('absent', 'unclear') then
    update private.attempts set absent_since = case p_seen when 'absent' then coalesce(attempts.absent_since, p_now) end
    where attempts.operation_id = p_attempt.operation_id and attempts.number = p_attempt.number;
    answer.retry_in := case p_seen when 'absent' then 60 end;
  end if;
  return answer;
end
$$;
comment on function private.decide_attempt(private.attempts, text, timestamptz) is
  'Law 7 in one place. p_seen is what PortOne shows of the call: happened, fits (exactly one entry may be it), several, refused, absent, unclear, unread. Inside PortOne''s window only happened decides. After it, nothing in two reads a minute apart means that it never happened. retry without retry_in: this read decides nothing.';
revoke all on function private.decide_attempt(private.attempts, text, timestamptz) from public, anon, authenticated, service_role;

create function private.call_seen(p_kind text, p_payment_id text, p_was_read boolean, p_absent boolean) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case
      when private.is_settled(payments.portone_status) then 'happened'
      -- Under this payment id there is nothing but the scheduled charge.
      when p_kind = 'create_schedule' and (schedules.schedule_id is not null or payments.portone_status is not null) then 'happened'
      when p_absent then 'absent'
      when p_kind = 'create_schedule' or not p_was_read then 'unread'
      when payments.portone_status = 'FAILED' then 'refused'
      when p_kind = 'confirm_payment' and payments.portone_status = 'VIRTUAL_ACCOUNT_ISSUED' then 'happened'
      -- The window was there before the confirmation: it is not executed while PortOne still waits for it.
      when p_kind = 'confirm_payment' and payments.portone_status = 'READY' then 'absent'
      else 'unclear'
    end
    from public.payments
    left join public.payment_schedules as schedules on schedules.payment_id = payments.payment_id
    where payments.payment_id = p_payment_id
  );
end
$$;
comment on function private.call_seen(text, text, boolean, boolean) is
  'What PortOne shows of a charge, confirmation or schedule, for decide_attempt. p_absent: PortOne was asked for exactly this and knows nothing of it.';
revoke all on function private.call_seen(text, text, boolean, boolean) from public, anon, authenticated, service_role;

create function private.call_failure(p_payment_id text, p_seen text) returns jsonb
language sql stable set search_path = ''
as $$
  select case p_seen
    when 'refused' then jsonb_build_object('code', 'PG_PROVIDER', 'message', 'The payment failed.',
      'pg_code', payments.failure ->> 'pg_code', 'pg_message', payments.failure ->> 'pg_message')
    else jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'PortOne never executed this; nothing was charged.')
  end
  from public.payments where payments.payment_id = p_payment_id
$$;
comment on function private.call_failure(text, text) is 'Why a charge, confirmation or schedule has failed, as its operation tells it.';
revoke all on function private.call_failure(text, text) from public, anon, authenticated, service_role;

create function private.read_when_decidable(p_operation_id uuid, p_payment_id text, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  select private.sync_later(p_payment_id, greatest(p_now, (private.last_attempt(p_operation_id)).sent_at + private.idempotency_window()) + interval '1 minute', p_now)
$$;
comment on function private.read_when_decidable(uuid, text, timestamptz) is
  'The job of an undecided call has died: its payment is read back once PortOne''s window is over, so that the call is decided without anybody asking.';
revoke all on function private.read_when_decidable(uuid, text, timestamptz) from public, anon, authenticated, service_role;

create function private.resolve_dead_job(p_operation_id uuid, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  update queue.dead set resolved_at = p_now
  where dead.id = (select operations.job_id from public.payment_operations as operations where operations.id = p_operation_id) and dead.resolved_at is null
$$;
comment on function private.resolve_dead_job(uuid, timestamptz) is 'What the dead job of an operation left open is decided: nobody has to look at it any more.';
revoke all on function private.resolve_dead_job(uuid, timestamptz) from public, anon, authenticated, service_role;

create function private.end_operation(p_operation_id uuid, p_verdict text, p_result jsonb, p_error jsonb, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  update public.payment_operations
  set status = case p_verdict when 'done' then 'succeeded' else 'failed' end::public.operation_status, result = p_result,
    error = case p_verdict when 'failed' then p_error end, finished_at = p_now, payment_id = coalesce(payment_operations.payment_id, p_result ->> 'paymentId')
  where payment_operations.id = p_operation_id and payment_operations.finished_at is null
$$;
comment on function private.end_operation(uuid, text, jsonb, jsonb, timestamptz) is 'Ends an operation whose job is gone already.';
revoke all on function private.end_operation(uuid, text, jsonb, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.decide_by_reading(p_payment_id text, p_was_read boolean, p_absent boolean, p_schedule_absent boolean, p_except uuid, p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  sent record;
  refund public.payment_cancellations;
  answer private.verdict;
  seen text;
  again boolean := false;
begin
  if not exists (select from private.attempts where attempts.payment_id = p_payment_id) then
    return;
  end if;
  for sent in
    select operations.id, operations.kind::text as kind
    from public.payment_operations as operations
    -- As an array and with the status as text: a plan made while the tables were empty would walk along every pending operation.
    where operations.id = any (array(select attempts.operation_id from private.attempts where attempts.payment_id = p_payment_id))
      and operations.status::text = 'pending' and operations.id is distinct from p_except
      -- Its own job decides while it lives.
      and not exists (select from queue.jobs where jobs.id = operations.job_id)
    order by operations.created_at, operations.id
  loop
    if sent.kind = 'cancel_payment' then
      select * into refund from public.payment_cancellations as refunds where refunds.operation_id = sent.id;
      if refund.status not in ('requested', 'unknown') or refund.cancellation_id is not null then
        continue;
      end if;
      answer := private.decide_refund(refund, p_was_read, p_now);
    else
      seen := private.call_seen(sent.kind, p_payment_id, p_was_read, case sent.kind when 'create_schedule' then p_schedule_absent else p_absent end);
      answer := private.decide_attempt(private.last_attempt(sent.id), seen, p_now);
      if answer.verdict in ('done', 'failed') then
        answer.error := private.call_failure(p_payment_id, seen);
        answer.result := private.end_call(sent.id, sent.kind, p_payment_id, answer.verdict, answer.error, p_now);
        perform private.end_operation(sent.id, answer.verdict, answer.result, answer.error, p_now);
      end if;
    end if;
    again := again or (answer.verdict = 'retry' and answer.retry_in is not null);
  end loop;
  if again and not exists (
    select from queue.jobs
    where jobs.lane = 'payment:' || p_payment_id and jobs.state = 'scheduled' and jobs.run_at between p_now + interval '60 seconds' and p_now + interval '2 minutes'
  ) then
    perform private.sync_later(p_payment_id, p_now + interval '61 seconds', p_now);
  end if;
end
$$;
comment on function private.decide_by_reading(text, boolean, boolean, boolean, uuid, timestamptz) is
  'A payment was read back (p_absent: PortOne does not know it; p_schedule_absent: nor a schedule for it): decides the calls about it that were sent and whose jobs have died, but for p_except. Closes their findings and operations; asks again in a minute where one read proves nothing. The caller holds the lane.';
revoke all on function private.decide_by_reading(text, boolean, boolean, boolean, uuid, timestamptz) from public, anon, authenticated, service_role;
