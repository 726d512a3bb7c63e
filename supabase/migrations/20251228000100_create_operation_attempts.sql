-- Every send of a call that makes a payment (charge, confirmation, schedule), stored before it is sent.
-- The twin of private.attempts, which is about cancellations.

create table private.operation_attempts (
  operation_id uuid not null references public.payment_operations (id) on delete restrict,
  number integer not null check (number > 0),
  job_id bigint not null,
  claim integer not null,
  idempotency_key text not null unique,
  body text,
  sent_at timestamptz not null,
  last_sent_at timestamptz not null,
  outcome text check (outcome in ('succeeded', 'requested', 'failed', 'unknown')),
  error jsonb,
  absent_since timestamptz,
  decided_at timestamptz,
  primary key (operation_id, number)
);
comment on table private.operation_attempts is
  'The idempotency key and the exact, sealed body of every charge, confirmation and schedule, committed before the send.';
create unique index operation_attempts_undecided_key on private.operation_attempts (operation_id) where decided_at is null;
comment on index private.operation_attempts_undecided_key is 'At most one undecided attempt per operation.';
alter table private.operation_attempts enable row level security;
revoke all on private.operation_attempts from public, anon, authenticated, service_role;

create table private.payment_tokens (
  operation_id uuid primary key references public.payment_operations (id) on delete cascade,
  payment_token text not null,
  tx_id text
);
comment on table private.payment_tokens is 'Manual approval: the browser''s token until its payment is confirmed or refused.';
alter table private.payment_tokens enable row level security;
revoke all on private.payment_tokens from public, anon, authenticated, service_role;

create function private.begin_operation_attempt(p_job queue.jobs, p_body text, p_now timestamptz) returns public.begun_attempt
language plpgsql set search_path = ''
as $$
declare
  operation public.payment_operations;
  payment public.payments;
  last private.operation_attempts;
  begun public.begun_attempt;
begin
  begun.job_id := p_job.id;
  select * into operation from public.payment_operations as operations where operations.id = p_job.operation_id;
  select * into payment from public.payments where payments.payment_id = p_job.payload ->> 'payment_id';
  select * into last from private.operation_attempts as attempts where attempts.operation_id = operation.id order by attempts.number desc limit 1;
  begun.attempt_number := last.number;
  begun.idempotency_key := last.idempotency_key;
  begun.sent_at := private.iso(last.sent_at);

  if operation.status <> 'pending' or private.is_settled(payment.portone_status)
    -- PortOne said yes; all that is left is to read it back.
    or last.outcome in ('succeeded', 'requested')
    or exists (
      select from public.payment_schedules as schedules
      where p_job.kind = 'create_schedule' and schedules.payment_id = payment.payment_id and schedules.schedule_id is not null
    ) then
    begun.decision := 'decided';
    return begun;
  end if;
  if last.number is not null and last.decided_at is null then
    if p_now < last.sent_at + private.idempotency_window() - interval '5 minutes' and last.body is not null then
      update private.operation_attempts set last_sent_at = p_now, claim = p_job.claim
      where operation_attempts.operation_id = operation.id and operation_attempts.number = last.number;
      begun.decision := 'resend';
      begun.body := last.body;
    else
      begun.decision := 'read_only';
    end if;
    return begun;
  end if;
  if p_body is null then
    perform private.fail('422', 'BODY_REQUIRED', format('Job %s has nothing to send again: a new attempt needs its body.', p_job.id), 'attempts.body', 'Send the sealed request body, base64.');
  end if;

  begun.attempt_number := coalesce(last.number, 0) + 1;
  begun.idempotency_key := format('%s-%s-%s', replace(p_job.kind, '_', '-'), operation.id, begun.attempt_number);
  begun.decision := 'send';
  begun.body := p_body;
  begun.sent_at := private.iso(p_now);
  insert into private.operation_attempts (operation_id, number, job_id, claim, idempotency_key, body, sent_at, last_sent_at)
  values (operation.id, begun.attempt_number, p_job.id, p_job.claim, begun.idempotency_key, p_body, p_now, p_now);
  update queue.jobs set give_up_at = greatest(give_up_at, p_now + private.money_budget()) where id = p_job.id;
  return begun;
end
$$;
comment on function private.begin_operation_attempt(queue.jobs, text, timestamptz) is
  'Decides about one charge, confirmation or schedule job whose claim was checked and whose lane is held.';
revoke all on function private.begin_operation_attempt(queue.jobs, text, timestamptz) from public, anon, authenticated, service_role;

create function private.record_operation_attempt(p_operation_id uuid, p_attempt jsonb, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  sure constant boolean := p_attempt ->> 'outcome' in ('succeeded', 'requested', 'failed');
begin
  if coalesce(p_attempt ->> 'outcome', '') not in ('succeeded', 'requested', 'failed', 'unknown') then
    perform private.fail('422', 'ATTEMPT_OUTCOME_UNKNOWN', 'attempt.outcome must be succeeded, requested, failed or unknown.', 'outcomes.attempt.outcome', 'Say unknown when it is not sure.');
  end if;
  update private.operation_attempts as attempts
  set outcome = p_attempt ->> 'outcome', decided_at = case when sure then p_now end, body = case when sure then null else attempts.body end,
    error = jsonb_strip_nulls(jsonb_build_object('code', p_attempt ->> 'code', 'message', p_attempt ->> 'message'))
  where attempts.operation_id = p_operation_id and attempts.decided_at is null
    and attempts.number::text = p_attempt ->> 'number';
end
$$;
comment on function private.record_operation_attempt(uuid, jsonb, timestamptz) is 'What PortOne answered to a charge, confirmation or schedule: {number, outcome, code, message}.';
revoke all on function private.record_operation_attempt(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.was_accepted(p_operation_id uuid) returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from private.operation_attempts as attempts
    where attempts.operation_id = p_operation_id and attempts.outcome in ('succeeded', 'requested')
  )
$$;
comment on function private.was_accepted(uuid) is 'PortOne has said yes to this operation, whatever could be read back since.';
revoke all on function private.was_accepted(uuid) from public, anon, authenticated, service_role;

create function private.payment_summary(p_payment_id text) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'paymentId', payments.payment_id, 'status', payments.status, 'amount', payments.amount, 'paidAmount', payments.paid_amount,
    'cancelledAmount', payments.cancelled_amount, 'cancellableAmount', payments.cancellable_amount,
    'currency', payments.currency, 'discrepancies', to_jsonb(payments.discrepancies)
  )
  from public.payments where payments.payment_id = p_payment_id
$$;
comment on function private.payment_summary(text) is 'How a payment stands, as an operation''s result tells it.';
revoke all on function private.payment_summary(text) from public, anon, authenticated, service_role;

create function private.settle_charge(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  payment public.payments;
  undecided private.operation_attempts;
  was_read boolean;
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  if jsonb_typeof(p_outcome -> 'attempt') = 'object' then
    perform private.record_operation_attempt(p_job.operation_id, p_outcome -> 'attempt', p_now);
  end if;
  was_read := private.job_snapshots(p_job, p_outcome, p_name, p_now) > 0;
  select * into payment from public.payments where payments.payment_id = p_job.payload ->> 'payment_id';
  select * into undecided from private.operation_attempts as attempts
  where attempts.operation_id = p_job.operation_id and attempts.decided_at is null;

  if private.is_settled(payment.portone_status) then
    answer.verdict := 'done';
    answer.error := null;
  elsif undecided.number is not null then
    if p_now < undecided.sent_at + private.idempotency_window() then
      answer.verdict := case answer.verdict when 'dead' then 'dead' else 'retry' end;
    elsif was_read and payment.portone_status = 'FAILED' then
      answer.verdict := 'failed';
      answer.error := jsonb_build_object('code', 'PG_PROVIDER', 'message', 'The payment failed.',
        'pg_code', payment.failure ->> 'pg_code', 'pg_message', payment.failure ->> 'pg_message');
    elsif p_outcome -> 'not_found' = 'true' and undecided.absent_since is null then
      update private.operation_attempts as attempts set absent_since = p_now
      where attempts.operation_id = undecided.operation_id and attempts.number = undecided.number;
      answer.verdict := 'retry';
      answer.retry_in := 60;
    elsif p_outcome -> 'not_found' = 'true' and p_now >= undecided.absent_since + interval '60 seconds' then
      answer.verdict := 'failed';
      answer.error := jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'PortOne never executed this payment; nothing was charged.');
    elsif p_now > p_job.give_up_at or answer.verdict in ('dead', 'failed') then
      answer.verdict := 'dead';
    else
      answer.verdict := 'retry';
    end if;
  elsif answer.verdict = 'done' and (payment.portone_status is null or payment.portone_status = 'READY') then
    -- PortOne does not say that it happened.
    answer.verdict := 'retry';
  end if;
  if answer.verdict in ('done', 'retry') and undecided.number is null and answer.verdict = 'retry' and p_now > p_job.give_up_at then
    -- Once PortOne has said yes, "nothing was charged" would be a lie: a person looks.
    answer.verdict := case when private.was_accepted(p_job.operation_id) then 'dead' else 'failed' end;
    answer.error := coalesce(answer.error, jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'PortOne could not be asked in time; nothing was charged.'));
  end if;

  if answer.verdict in ('done', 'failed') then
    update private.operation_attempts as attempts
    set decided_at = p_now, body = null, outcome = case answer.verdict when 'done' then 'succeeded' else 'failed' end
    where attempts.operation_id = p_job.operation_id and attempts.decided_at is null;
    delete from private.payment_tokens where payment_tokens.operation_id = p_job.operation_id;
    if answer.verdict = 'failed' then
      perform private.abandon_payment(payment.payment_id, answer.error, p_now);
    end if;
    answer.result := private.payment_summary(payment.payment_id);
  end if;
  return answer;
end
$$;
comment on function private.settle_charge(queue.jobs, jsonb, text, timestamptz) is
  'Ends a charge or a confirmation by what PortOne says of the payment. A decline is a business failure; an unknown outcome is repeated with the same bytes, and after the window read back and decided.';
revoke all on function private.settle_charge(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;
