-- Permission to send a money-moving call: the key and the exact body are committed before PortOne sees them.

create type public.begun_attempt as (
  index integer, job_id bigint, decision text, attempt_number integer, idempotency_key text, body text, sent_at text, detail jsonb
);

create function private.idempotency_window() returns interval
language sql immutable set search_path = ''
return interval '3 hours';
comment on function private.idempotency_window() is 'How long PortOne remembers an Idempotency-Key (documented: 3 hours, may change).';
revoke all on function private.idempotency_window() from public, anon, authenticated, service_role;

create function private.money_budget() returns interval
language sql immutable set search_path = ''
return private.idempotency_window() + interval '1 hour';
comment on function private.money_budget() is 'How long a money job tries: the window, and an hour to read back what happened.';
revoke all on function private.money_budget() from public, anon, authenticated, service_role;

create function private.job_snapshots(p_job queue.jobs, p_element jsonb, p_name text, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  snapshot jsonb;
  applied integer := 0;
begin
  if jsonb_typeof(p_element -> 'snapshots') is distinct from 'array' then
    return 0;
  end if;
  for i in 1 .. jsonb_array_length(p_element -> 'snapshots') loop
    snapshot := p_element -> 'snapshots' -> (i - 1);
    if snapshot ->> 'payment_id' is distinct from p_job.payload ->> 'payment_id' then
      perform private.fail('422', 'SNAPSHOT_FOR_ANOTHER_PAYMENT', format('A snapshot of job %s is not of its payment.', p_job.id), p_name || '.snapshots', 'Send only the payment the job names.');
    end if;
    perform private.apply_snapshot(snapshot, p_job.kind, p_now);
    applied := applied + 1;
  end loop;
  if applied > 0 then
    perform private.decide_by_reading(p_job.payload ->> 'payment_id', true, false, false, p_job.operation_id, p_now);
  end if;
  return applied;
end
$$;
comment on function private.job_snapshots(queue.jobs, jsonb, text, timestamptz) is
  'Applies the snapshots a job learned; they must be of the payment whose lane it holds. Calls nobody could decide about are decided by them too. Returns how many.';
revoke all on function private.job_snapshots(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function private.balance_changed(p_refund public.payment_cancellations, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  payment public.payments;
  failure jsonb;
begin
  select * into payment from public.payments where payments.payment_id = p_refund.payment_id;
  failure := jsonb_build_object(
    'code', 'BALANCE_CHANGED',
    'message', format('%s was to be refunded, but only %s of %s is left for it: %s has been cancelled by now, some of it elsewhere.',
      p_refund.amount, p_refund.held_amount, payment.paid_amount, payment.cancelled_amount),
    'amount', p_refund.amount, 'max', payment.cancellable_amount + p_refund.held_amount
  );
  perform private.end_cancellation(p_refund.id, 'failed', failure, payment.status, 'database', p_now);
  perform private.rebalance(p_refund.payment_id, p_now);
  return failure;
end
$$;
comment on function private.balance_changed(public.payment_cancellations, timestamptz) is
  'Ends a refund whose hold was overtaken by PortOne''s own figures, before it was sent.';
revoke all on function private.balance_changed(public.payment_cancellations, timestamptz) from public, anon, authenticated, service_role;

create function private.is_decided(p_job queue.jobs, p_last private.attempts) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return
    -- PortOne said yes: all that is left is to read it back, however long that takes.
    coalesce(p_last.outcome in ('succeeded', 'requested'), false)
    or not exists (select from public.payment_operations as operations where operations.id = p_job.operation_id and operations.finished_at is null)
    or case p_job.kind
      when 'cancel_payment' then exists (
        select from public.payment_cancellations as refunds
        where refunds.operation_id = p_job.operation_id and (refunds.status in ('succeeded', 'failed') or refunds.cancellation_id is not null)
      )
      else exists (
        select from public.payments
        left join public.payment_schedules as schedules on p_job.kind = 'create_schedule' and schedules.payment_id = payments.payment_id
        where payments.payment_id = p_job.payload ->> 'payment_id'
          and (private.is_settled(payments.portone_status) or schedules.schedule_id is not null)
      )
    end;
end
$$;
comment on function private.is_decided(queue.jobs, private.attempts) is 'Whether a money job has nothing to send any more: its call is done, or PortOne has accepted it.';
revoke all on function private.is_decided(queue.jobs, private.attempts) from public, anon, authenticated, service_role;

create function private.is_blocked(p_job queue.jobs) returns boolean
language sql stable set search_path = ''
as $$
  select exists (
      select from private.attempts
      where attempts.payment_id = p_job.payload ->> 'payment_id' and attempts.decided_at is null and attempts.operation_id <> p_job.operation_id
    )
    -- Accepted, but PortOne has not named it: it cannot be told apart from the next one yet.
    or exists (
      select from public.payment_cancellations as refunds
      where refunds.payment_id = p_job.payload ->> 'payment_id' and refunds.status in ('requested', 'unknown') and refunds.cancellation_id is null
        and refunds.operation_id <> p_job.operation_id
    )
$$;
comment on function private.is_blocked(queue.jobs) is 'Whether another call about the same payment was sent and nobody knows how it ended: until then nothing else is sent.';
revoke all on function private.is_blocked(queue.jobs) from public, anon, authenticated, service_role;

create function private.is_too_late(p_payment_id text, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from public.payment_schedules as schedules where schedules.payment_id = p_payment_id and schedules.time_to_pay <= p_now
  );
end
$$;
comment on function private.is_too_late(text, timestamptz) is
  'Whether a schedule''s time has come before PortOne has it. It is not sent any more: what PortOne does with a time in the past is not documented.';
revoke all on function private.is_too_late(text, timestamptz) from public, anon, authenticated, service_role;

create function private.begin_attempt(p_job queue.jobs, p_body text, p_now timestamptz) returns public.begun_attempt
language plpgsql set search_path = ''
as $$
declare
  refund public.payment_cancellations;
  last private.attempts;
  begun public.begun_attempt;
begin
  select * into last from private.attempts where attempts.operation_id = p_job.operation_id order by attempts.number desc limit 1;
  begun.job_id := p_job.id;
  begun.attempt_number := last.number;
  begun.idempotency_key := last.idempotency_key;
  begun.sent_at := private.iso(last.sent_at);

  if private.is_decided(p_job, last) then
    begun.decision := 'decided';
    return begun;
  end if;
  if last.number is not null and last.decided_at is null then
    -- Unknown outcome: the same bytes with the same key while PortOne remembers it, never anything else.
    if p_now < last.sent_at + private.idempotency_window() - interval '5 minutes' and last.body is not null then
      update private.attempts set last_sent_at = p_now, claim = p_job.claim
      where attempts.operation_id = last.operation_id and attempts.number = last.number;
      begun.decision := 'resend';
      begun.body := last.body;
    else
      begun.decision := 'read_only';
    end if;
    return begun;
  end if;

  if p_job.kind = 'cancel_payment' then
    select * into refund from public.payment_cancellations as refunds where refunds.operation_id = p_job.operation_id;
    if last.number is not null then
      perform private.contradict_refusal(refund, p_now);
      select * into refund from public.payment_cancellations where id = refund.id;
      if refund.status <> 'reserved' then
        begun.decision := 'decided';
        return begun;
      end if;
    end if;
    if refund.held_amount < refund.amount then
      begun.decision := 'balance_changed';
      begun.detail := private.balance_changed(refund, p_now);
      return begun;
    end if;
  end if;
  if p_job.kind = 'create_schedule' and private.is_too_late(p_job.payload ->> 'payment_id', p_now) then
    begun.decision := 'too_late';
    return begun;
  end if;
  if private.is_blocked(p_job) then
    begun.decision := 'blocked';
    return begun;
  end if;
  if p_body is null then
    perform private.fail('422', 'BODY_REQUIRED', format('Job %s has nothing to send again: a new attempt needs its body.', p_job.id), 'attempts.body', 'Send the sealed request body, base64.');
  end if;

  begun.attempt_number := coalesce(last.number, 0) + 1;
  begun.idempotency_key := format('%s-%s-%s', replace(p_job.kind, '_', '-'), p_job.operation_id, begun.attempt_number);
  begun.decision := 'send';
  begun.body := p_body;
  begun.sent_at := private.iso(p_now);
  insert into private.attempts (operation_id, number, payment_id, job_id, claim, idempotency_key, body, sent_at, last_sent_at)
  values (p_job.operation_id, begun.attempt_number, p_job.payload ->> 'payment_id', p_job.id, p_job.claim, begun.idempotency_key, p_body, p_now, p_now);
  if refund.id is not null then
    update public.payment_cancellations set status = 'requested', sent_at = p_now, updated_at = p_now where id = refund.id;
  end if;
  update queue.jobs set give_up_at = greatest(give_up_at, p_now + private.money_budget()) where id = p_job.id;
  return begun;
end
$$;
comment on function private.begin_attempt(queue.jobs, text, timestamptz) is
  'Decides about one cancel, charge, confirmation or schedule job whose claim was checked and whose lane is held: whether, and with which bytes, it is sent.';
revoke all on function private.begin_attempt(queue.jobs, text, timestamptz) from public, anon, authenticated, service_role;

create function public.begin_attempts(attempts jsonb[]) returns setof public.begun_attempt
-- Plans are kept per connection: one made while a table was empty must not scan it for ever.
language plpgsql security definer set search_path = '' set enable_seqscan = off
set enable_mergejoin = off set enable_hashjoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_ids bigint[];
  element jsonb;
  job queue.jobs;
  begun public.begun_attempt;
  touched text[] := '{}';
begin
  perform private.check_claims('attempts', begin_attempts.attempts);
  v_ids := array(select private.job_of(named.value) from unnest(begin_attempts.attempts) as named (value));
  perform private.lock_lanes(array(select jobs.lane from queue.jobs where jobs.id = any (v_ids)));
  perform private.lock_jobs(v_ids);
  v_now := private.now();

  for i in 1 .. cardinality(begin_attempts.attempts) loop
    element := begin_attempts.attempts[i];
    select * into job from queue.jobs where jobs.id = (element ->> 'job_id')::bigint;
    if not found or job.claim <> (element ->> 'claim')::integer or job.state <> 'running' then
      begun := null;
      begun.job_id := (element ->> 'job_id')::bigint;
      begun.decision := 'lost';
    elsif job.kind not in ('cancel_payment', 'charge_billing_key', 'confirm_payment', 'create_schedule') then
      perform private.fail('422', 'JOB_SENDS_NO_MONEY', format('Job %s is a %s, which moves no money.', job.id, job.kind),
        format('attempts[%s]', i), 'Settle it instead.');
    else
      perform private.job_snapshots(job, element, format('attempts[%s]', i), v_now);
      begun := private.begin_attempt(job, element ->> 'body', v_now);
      touched := touched || (job.payload ->> 'payment_id');
    end if;
    begun.index := i;
    return next begun;
  end loop;
  perform private.fulfil_orders(touched, v_now);
end
$$;
comment on function public.begin_attempts(jsonb[]) is
  'Before a cancel, charge, confirmation or schedule is sent: {job_id, claim, body (sealed, base64), snapshots}. Answers send, resend (same stored bytes and key), read_only (window over), blocked (another call about this payment undecided), balance_changed, too_late (the time of a schedule has passed), decided or lost, and has committed the key and the body when the worker reads it. Safe to repeat: a lost reply turns send into resend.';
revoke all on function public.begin_attempts(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.begin_attempts(jsonb[]) to service_role;
