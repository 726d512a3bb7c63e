-- Calls that make a payment happen: a charge of a saved card, a confirmation, a schedule. How each ends.

create table private.payment_tokens (
  operation_id uuid primary key references public.payment_operations (id) on delete cascade,
  payment_token text not null,
  tx_id text
);
comment on table private.payment_tokens is 'Manual approval: the browser''s token until its payment is confirmed or refused.';
alter table private.payment_tokens enable row level security;
revoke all on private.payment_tokens from public, anon, authenticated, service_role;

create function private.was_accepted(p_operation_id uuid) returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from private.attempts
    where attempts.operation_id = p_operation_id and attempts.outcome in ('succeeded', 'requested')
  )
$$;
comment on function private.was_accepted(uuid) is 'PortOne has said yes to this operation, whatever could be read back since.';
revoke all on function private.was_accepted(uuid) from public, anon, authenticated, service_role;

create function private.payment_summary(p_payment_id text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
  select jsonb_build_object(
    'paymentId', payments.payment_id, 'status', payments.status, 'amount', payments.amount, 'paidAmount', payments.paid_amount,
    'cancelledAmount', payments.cancelled_amount, 'cancellableAmount', payments.cancellable_amount,
    'currency', payments.currency, 'discrepancies', to_jsonb(payments.discrepancies)
  )
  from public.payments where payments.payment_id = p_payment_id
  );
end
$$;
comment on function private.payment_summary(text) is 'How a payment stands, as an operation''s result tells it.';
revoke all on function private.payment_summary(text) from public, anon, authenticated, service_role;

create function private.end_call(p_operation_id uuid, p_kind text, p_payment_id text, p_verdict text, p_error jsonb, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  update private.attempts set decided_at = p_now, body = null, outcome = case p_verdict when 'done' then 'succeeded' else 'failed' end
  where attempts.operation_id = p_operation_id and attempts.decided_at is null;
  delete from private.payment_tokens where payment_tokens.operation_id = p_operation_id;
  perform private.close_drift('undecided_charge', p_operation_id::text,
    case p_verdict when 'done' then 'succeeded' else 'failed: ' || coalesce(p_error ->> 'code', 'unknown') end, p_now);
  perform private.resolve_dead_job(p_operation_id, p_now);
  if p_kind = 'create_schedule' then
    perform private.end_schedule_request(p_payment_id, p_verdict, p_error, p_now);
  end if;
  if p_verdict = 'failed' and p_kind <> 'confirm_payment' then
    perform private.abandon_payment(p_payment_id, p_error, p_now);
  end if;
  return case p_kind when 'create_schedule' then private.schedule_summary(p_payment_id) else private.payment_summary(p_payment_id) end;
end
$$;
comment on function private.end_call(uuid, text, text, text, jsonb, timestamptz) is
  'A charge, confirmation or schedule is decided (done or failed): closes its attempt and its finding, forgets its token, frees the order of one that failed. Returns the operation''s result. Safe to repeat.';
revoke all on function private.end_call(uuid, text, text, text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.settle_call(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  subject constant text := p_job.payload ->> 'payment_id';
  last private.attempts;
  accepted boolean;
  was_read boolean;
  seen text;
begin
  perform private.record_attempt(p_job.operation_id, p_outcome, p_now);
  was_read := private.job_snapshots(p_job, p_outcome, p_name, p_now) > 0;
  perform private.job_schedules(p_job, p_outcome, p_name, p_now);
  last := private.last_attempt(p_job.operation_id);
  accepted := private.was_accepted(p_job.operation_id);
  seen := private.call_seen(p_job.kind, subject, was_read, p_outcome -> 'not_found' = 'true');
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');

  if seen = 'happened' then
    answer.verdict := 'done';
  elsif accepted and answer.verdict = 'done' and seen = 'unclear'
    and not exists (select from public.payments where payments.payment_id = p_job.payload ->> 'payment_id' and payments.portone_status = 'READY') then
    -- Accepted, and the PG takes its time: the payment's own state tells the rest.
    null;
  elsif accepted or (last.number is not null and last.decided_at is null) then
    answer := private.decide_attempt(last, seen, p_now);
    answer.error := case answer.verdict when 'failed' then private.call_failure(subject, seen) else nullif(p_outcome -> 'error', 'null') end;
    if answer.verdict = 'retry' and (p_outcome ->> 'verdict' in ('dead', 'failed') or (answer.retry_in is null and p_now > p_job.give_up_at)) then
      answer.verdict := 'dead';
    end if;
  elsif answer.verdict = 'done' or (answer.verdict = 'retry' and p_now > p_job.give_up_at) then
    -- Nothing was sent, or PortOne said no: it is not done, and when its time is over it has failed.
    answer.verdict := case when p_now > p_job.give_up_at then 'failed' else 'retry' end;
    answer.error := coalesce(answer.error, jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'PortOne could not be asked in time; nothing was charged.'));
  end if;

  if answer.verdict = 'failed' and p_job.kind = 'create_schedule' and answer.error ->> 'code' = 'INVALID_REQUEST' and private.is_too_late(subject, p_now) then
    -- PortOne has no word for it.
    answer.error := jsonb_build_object('code', 'TIME_TO_PAY_PASSED', 'portone_code', 'INVALID_REQUEST',
      'message', 'The time to pay had passed before PortOne could take the schedule; nothing was charged.');
  end if;
  if answer.verdict = 'done' then
    answer.error := null;
  end if;
  if answer.verdict in ('done', 'failed') then
    answer.result := private.end_call(p_job.operation_id, p_job.kind, subject, answer.verdict, answer.error, p_now);
  end if;
  return answer;
end
$$;
comment on function private.settle_call(queue.jobs, jsonb, text, timestamptz) is
  'Ends a charge, a confirmation or a schedule by what PortOne says of it. A decline is a business failure; an unknown outcome is repeated with the same bytes, and after the window read back and decided.';
revoke all on function private.settle_call(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;
