-- How a job ends: what it learned is applied, whoever waited is told, the job leaves the hot table. One transaction.

create type public.settled_job as (
  index integer, job_id bigint, accepted boolean, reason text, operation_id uuid, operation_ids uuid[],
  operation_status text, payment_status text
);

create function private.adopt_cancellation(p_refund_id uuid, p_cancellation_id text, p_now timestamptz) returns boolean
language plpgsql set search_path = ''
as $$
declare
  refund public.payment_cancellations;
  other public.payment_cancellations;
  payment_status public.payment_status;
begin
  select * into refund from public.payment_cancellations where id = p_refund_id;
  if refund.cancellation_id is not null then
    return refund.cancellation_id = p_cancellation_id;
  end if;
  select * into other from public.payment_cancellations as others
  where others.payment_id = refund.payment_id and others.cancellation_id = p_cancellation_id;
  if other.operation_id is not null or other.amount <> refund.amount then
    perform private.open_drift('ambiguous_cancellation', refund.id::text,
      jsonb_build_object('payment_id', refund.payment_id, 'cancellation_id', p_cancellation_id, 'taken_by', other.id, 'amount', refund.amount, 'portone_amount', other.amount), p_now);
    return false;
  end if;
  -- Seen in a snapshot before we knew that it was ours: that row becomes part of this one.
  delete from public.payment_cancellations where id = other.id;
  update public.payment_cancellations
  set cancellation_id = p_cancellation_id, portone_status = other.portone_status, pg_cancellation_id = other.pg_cancellation_id,
    trigger = other.trigger, vat_amount = other.vat_amount, requested_at = other.requested_at, cancelled_at = other.cancelled_at,
    receipt_url = other.receipt_url, status = 'requested', updated_at = p_now
  where id = refund.id;
  update private.attempts set outcome = 'requested', decided_at = p_now, body = null
  where attempts.operation_id = refund.operation_id and attempts.decided_at is null;
  select payments.status into payment_status from public.payments where payments.payment_id = refund.payment_id;
  if other.status in ('succeeded', 'failed') then
    perform private.end_cancellation(refund.id, other.status, other.failure, payment_status, 'portone', p_now);
  end if;
  perform private.rebalance(refund.payment_id, p_now);
  return true;
end
$$;
comment on function private.adopt_cancellation(uuid, text, timestamptz) is
  'PortOne''s id of one of our refunds has become known. False when the id belongs to another of our refunds or is of another amount: a person decides.';
revoke all on function private.adopt_cancellation(uuid, text, timestamptz) from public, anon, authenticated, service_role;

create function private.note_refund_answer(p_refund_id uuid, p_attempt jsonb, p_now timestamptz) returns boolean
language plpgsql set search_path = ''
as $$
begin
  if p_attempt ->> 'outcome' = 'failed' then
    -- A definite no: the hold stays, a new attempt with a new key may follow.
    update public.payment_cancellations set status = 'reserved', updated_at = p_now
    where id = p_refund_id and status in ('requested', 'unknown') and cancellation_id is null;
  elsif p_attempt ->> 'outcome' = 'unknown' then
    update public.payment_cancellations set status = 'unknown', updated_at = p_now
    where id = p_refund_id and status = 'requested' and cancellation_id is null;
  elsif p_attempt ->> 'cancellation_id' is not null then
    return private.adopt_cancellation(p_refund_id, p_attempt ->> 'cancellation_id', p_now);
  end if;
  return true;
end
$$;
comment on function private.note_refund_answer(uuid, jsonb, timestamptz) is 'What PortOne''s answer means for the refund that was sent. False when a person has to decide.';
revoke all on function private.note_refund_answer(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.decide_refund(p_refund public.payment_cancellations, p_was_read boolean, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  matches constant text[] := private.fitting_entries(p_refund);
begin
  answer := private.decide_attempt(private.last_attempt(p_refund.operation_id), case
    when not p_was_read then 'unread'
    when cardinality(matches) = 1 then 'fits'
    when cardinality(matches) > 1 then 'several'
    when private.may_be_listed(p_refund) then 'unclear'
    else 'absent'
  end, p_now);
  if answer.verdict = 'done' and not private.adopt_cancellation(p_refund.id, matches[1], p_now) then
    answer.verdict := 'dead';
  end if;
  if answer.verdict = 'dead' and cardinality(matches) > 1 then
    perform private.open_drift('ambiguous_cancellation', p_refund.id::text,
      jsonb_build_object('payment_id', p_refund.payment_id, 'amount', p_refund.amount, 'candidates', to_jsonb(matches)), p_now);
    answer.error := jsonb_build_object('code', 'CANCELLATION_AMBIGUOUS', 'message', 'Several cancellations at PortOne could be this one.');
  elsif answer.verdict = 'failed' then
    answer.error := jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'PortOne never executed this cancellation; nothing was refunded.');
    perform private.give_back_hold(p_refund, answer.error, p_now);
  elsif answer.verdict <> 'done' then
    answer.error := jsonb_build_object('code', 'CANCELLATION_UNDECIDED', 'message', 'PortOne''s answer to this cancellation is not known yet.');
  end if;
  return answer;
end
$$;
comment on function private.decide_refund(public.payment_cancellations, boolean, timestamptz) is
  'A refund was sent and nobody knows how it ended. After PortOne''s window exactly one fitting entry in its list is ours; none in two reads a minute apart means it never happened; several need a person.';
revoke all on function private.decide_refund(public.payment_cancellations, boolean, timestamptz) from public, anon, authenticated, service_role;

create function private.give_back_hold(p_refund public.payment_cancellations, p_failure jsonb, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  perform private.end_cancellation(p_refund.id, 'failed', p_failure,
    (select payments.status from public.payments where payments.payment_id = p_refund.payment_id), 'database', p_now);
  perform private.rebalance(p_refund.payment_id, p_now);
end
$$;
comment on function private.give_back_hold(public.payment_cancellations, jsonb, timestamptz) is 'A refund that is not at PortOne has failed: its amount can be asked for again.';
revoke all on function private.give_back_hold(public.payment_cancellations, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.settle_cancel(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  refund public.payment_cancellations;
  certain boolean := true;
  was_read boolean;
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  if private.record_attempt(p_job.operation_id, p_outcome, p_now) then
    certain := private.note_refund_answer((p_job.payload ->> 'cancellation')::uuid, p_outcome -> 'attempt', p_now);
  end if;
  was_read := private.job_snapshots(p_job, p_outcome, p_name, p_now) > 0;
  select * into refund from public.payment_cancellations where id = (p_job.payload ->> 'cancellation')::uuid;
  if was_read and refund.status = 'reserved' then
    perform private.contradict_refusal(refund, p_now);
    select * into refund from public.payment_cancellations where id = refund.id;
  end if;

  if not certain then
    answer.verdict := 'dead';
    answer.error := jsonb_build_object('code', 'CANCELLATION_AMBIGUOUS', 'message', 'The cancellation PortOne named cannot be this one.');
  elsif refund.status in ('succeeded', 'failed') then
    answer.verdict := case refund.status when 'succeeded' then 'done' else 'failed' end;
    answer.error := refund.failure;
  elsif refund.status in ('requested', 'unknown') and refund.cancellation_id is null then
    answer := private.decide_refund(refund, was_read, p_now);
    if answer.verdict = 'retry' and (p_outcome ->> 'verdict' in ('dead', 'failed') or (answer.retry_in is null and p_now > p_job.give_up_at)) then
      answer.verdict := 'dead';
    end if;
  elsif refund.status = 'reserved' and (answer.verdict = 'failed' or (answer.verdict in ('done', 'retry') and p_now > p_job.give_up_at)) then
    -- Not at PortOne: the hold can go.
    answer.verdict := 'failed';
    answer.error := coalesce(answer.error, jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'PortOne could not be asked in time; nothing was refunded.'));
    perform private.give_back_hold(refund, answer.error, p_now);
  elsif refund.status = 'reserved' and answer.verdict = 'done' then
    -- A refund that was not sent is not done.
    answer.verdict := 'retry';
  elsif answer.verdict = 'failed' then
    -- PortOne accepted it and will say later how it ended; the operation waits for that.
    answer.verdict := 'done';
  end if;
  perform private.follow_refund(refund.payment_id, p_now);
  return answer;
end
$$;
comment on function private.settle_cancel(queue.jobs, jsonb, text, timestamptz) is
  'Ends a cancel job by what the rows say after the answer and the snapshots were applied, not by what the worker believes.';
revoke all on function private.settle_cancel(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function private.settle_prepare(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  payment public.payments;
  prepared constant jsonb := p_outcome -> 'prepared';
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  perform private.job_snapshots(p_job, p_outcome, p_name, p_now);
  select * into payment from public.payments where payments.payment_id = p_job.payload ->> 'payment_id';

  if answer.verdict = 'failed' then
    perform private.abandon_payment(payment.payment_id, answer.error, p_now);
  elsif answer.verdict = 'done' then
    if coalesce(prepared ->> 'store_id', '') = '' or coalesce(prepared ->> 'channel_key', '') = ''
      or coalesce(prepared ->> 'channel_kind', '') not in ('TEST', 'LIVE') then
      perform private.fail('422', 'PREPARED_INCOMPLETE', 'A prepared payment needs store_id, channel_key and channel_kind (TEST or LIVE).', p_name || '.prepared', 'Send where the payment was registered.');
    end if;
    -- Where it is expected is settled once money has moved.
    update public.payments
    set store_id = prepared ->> 'store_id', channel_key = prepared ->> 'channel_key', channel_kind = prepared ->> 'channel_kind',
      status = case payments.status when 'preparing' then 'ready' else payments.status end, updated_at = p_now
    where payments.payment_id = payment.payment_id and not private.is_settled(payments.portone_status);
    if payment.status = 'preparing' then
      perform private.append_event(payment.payment_id, 'status_changed', 'preparing', 'ready',
        jsonb_build_object('total', payment.amount, 'currency', payment.currency), 'prepare_payment', p_now);
    end if;
    answer.result := jsonb_build_object(
      'paymentId', payment.payment_id, 'storeId', prepared ->> 'store_id', 'channelKey', prepared ->> 'channel_key',
      'orderName', payment.order_name, 'totalAmount', payment.amount, 'taxFreeAmount', payment.tax_free_amount,
      'currency', payment.currency, 'payMethod', p_job.payload ->> 'pay_method',
      'noticeUrls', coalesce(nullif(prepared -> 'notice_urls', 'null'), '[]')
    );
  end if;
  return answer;
end
$$;
comment on function private.settle_prepare(queue.jobs, jsonb, text, timestamptz) is
  'Pre-registered: the payment becomes ready and its id visible in the operation''s result. Refused: its order is free again.';
revoke all on function private.settle_prepare(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function private.settle_read(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  subject constant text := p_job.payload ->> 'payment_id';
  was_read boolean;
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  was_read := private.job_snapshots(p_job, p_outcome, p_name, p_now) > 0;
  perform private.note_reading(subject, was_read, p_outcome -> 'not_found' = 'true', p_now);
  perform private.read_schedule(p_job, p_outcome, p_name, p_now);
  perform private.follow_schedule(subject, p_now);
  if not was_read and p_outcome -> 'not_found' = 'true' then
    perform private.decide_by_reading(subject, false, true, p_outcome -> 'schedule_not_found' = 'true', null, p_now);
  end if;
  -- The result is for those who asked; a webhook's read has nobody who would see it.
  if exists (select from public.payment_operations as operations where operations.job_id = p_job.id and operations.status = 'pending') then
    answer.result := private.payment_summary(subject);
  end if;
  perform private.follow_refund(subject, p_now);
  if answer.verdict = 'done' and p_outcome -> 'not_found' = 'true'
    and not exists (select from public.payments where payments.payment_id = subject) then
    answer.skip_reason := 'payment_not_found';
  end if;
  return answer;
end
$$;
comment on function private.settle_read(queue.jobs, jsonb, text, timestamptz) is
  'A payment was read back: its row is what PortOne says. One that neither PortOne nor we know is skipped as payment_not_found.';
revoke all on function private.settle_read(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function private.backoff_seconds(p_failures integer) returns numeric
language sql volatile set search_path = ''
return least(900, power(2, least(p_failures, 20))) * (0.5 + random() / 2);
comment on function private.backoff_seconds(integer) is 'Seconds until the next try: doubling from 1 to 900, with jitter.';
revoke all on function private.backoff_seconds(integer) from public, anon, authenticated, service_role;

create function private.settle_job(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
begin
  if p_outcome -> 'error' ->> 'code' = 'SETTLE_REJECTED' then
    -- The worker could not get this outcome accepted; only its burial remains.
    answer.verdict := 'dead';
    answer.error := p_outcome -> 'error';
  elsif p_job.kind = 'cancel_payment' then
    answer := private.settle_cancel(p_job, p_outcome, p_name, p_now);
  elsif p_job.kind = 'prepare_payment' then
    answer := private.settle_prepare(p_job, p_outcome, p_name, p_now);
  elsif p_job.kind in ('sync_payment', 'close_virtual_account') then
    answer := private.settle_read(p_job, p_outcome, p_name, p_now);
  elsif p_job.kind in ('charge_billing_key', 'confirm_payment', 'create_schedule') then
    answer := private.settle_call(p_job, p_outcome, p_name, p_now);
  elsif p_job.kind = 'stop_cancellation' then
    answer := private.settle_stop(p_job, p_outcome, p_name, p_now);
  elsif p_job.kind = 'revoke_schedule' then
    answer := private.settle_revocation(p_job, p_outcome, p_name, p_now);
  elsif p_job.kind = 'resend_webhook' then
    answer := private.settle_read(p_job, p_outcome, p_name, p_now);
    perform private.note_resend(p_job.payload ->> 'payment_id', p_outcome -> 'result' ->> 'resend', p_now);
  elsif p_job.kind in ('sweep_payments', 'compare_payments') then
    answer := private.settle_sweep(p_job, p_outcome, p_now);
  elsif p_job.kind in ('register_billing_key', 'delete_billing_key', 'sync_billing_key') then
    answer := private.settle_billing_key(p_job, p_outcome, p_name, p_now);
  elsif p_job.kind = 'read_identity' then
    answer := private.settle_identity(p_job, p_outcome, p_name, p_now);
  else
    answer.verdict := p_outcome ->> 'verdict';
    answer.error := nullif(p_outcome -> 'error', 'null');
  end if;
  answer.retry_in := coalesce(answer.retry_in, private.number_of(p_outcome ->> 'retry_in_seconds'));
  answer.counts := coalesce(answer.counts, (p_outcome -> 'counts_as_failure') is distinct from 'false');
  if answer.verdict = 'retry' and answer.counts and p_job.failures + 1 >= p_job.max_failures then
    answer.verdict := 'dead';
  end if;
  if jsonb_typeof(p_outcome -> 'result') = 'object' then
    -- The payment id is the database's to tell: operations are linked by it.
    answer.result := (p_outcome -> 'result') - 'paymentId' || coalesce(answer.result, '{}');
  end if;
  return answer;
end
$$;
comment on function private.settle_job(queue.jobs, jsonb, text, timestamptz) is 'What becomes of one job: done, failed, retry or dead.';
revoke all on function private.settle_job(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;
