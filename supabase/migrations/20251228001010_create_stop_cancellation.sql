-- A cancellation PortOne carries out later can be stopped until it has: of Triple-A only (PortOne's API document).

create function private.is_stoppable(p_payment public.payments) returns boolean
language sql immutable set search_path = ''
return coalesce(p_payment.pg_provider = 'TRIPLE_A', false);
comment on function private.is_stoppable(public.payments) is 'Whether PortOne can stop a cancellation of this payment: its API document says that only Triple-A can.';
revoke all on function private.is_stoppable(public.payments) from public, anon, authenticated, service_role;

create function private.stop_cancellation(p_id uuid, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('cancellation', p_id);
  operation public.payment_operations;
  refund public.payment_cancellations;
  payment public.payments;
begin
  select refunds.* into refund
  from public.payment_cancellations as refunds
  join public.payments on payments.payment_id = refunds.payment_id
  where refunds.id = p_id and (me.is_admin or me.is_service or payments.user_id = me.user_id);
  if refund.id is null then
    perform private.fail('404', 'CANCELLATION_NOT_FOUND', 'There is no such refund.', 'id', 'Send the id of a row of payment_cancellations.');
  end if;
  if not (me.is_admin or me.is_service) then
    perform private.fail('403', 'CANCEL_NOT_ALLOWED', 'Only the shop can stop this refund.', 'id', 'Ask the shop.');
  end if;
  operation := private.start_operation(me, 'stop_cancellation', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['payment:' || refund.payment_id]);
  v_now := private.now();
  select * into refund from public.payment_cancellations as refunds where refunds.id = p_id;
  select * into payment from public.payments where payments.payment_id = refund.payment_id;
  if refund.status <> 'requested' or refund.cancellation_id is null then
    perform private.fail('409', 'CANCELLATION_NOT_PENDING', format('This refund is %s; only one PortOne has taken and not carried out can be stopped.', refund.status), 'id',
      'Read the payment back to see how it stands.', jsonb_build_object('status', refund.status));
  end if;
  if not private.is_stoppable(payment) then
    perform private.fail('409', 'CANCELLATION_NOT_STOPPABLE', format('PortOne cannot stop a refund of %s; it can of Triple-A only.', coalesce(payment.pg_provider, 'this PG')), 'id',
      'Wait until PortOne says how it ended.', jsonb_build_object('message_ko', '이 결제사의 취소 요청은 중단할 수 없습니다.'));
  end if;
  operation := private.add_operation(me, 'stop_cancellation', request, p_idempotency_key, v_now, refund.payment_id);
  return private.enqueue_operation(operation, 'stop_cancellation', refund.payment_id, jsonb_build_object('cancellation', refund.id), v_now);
end
$$;
comment on function private.stop_cancellation(uuid, text) is 'Enqueues the stopping of a refund that PortOne has taken and not carried out.';
revoke all on function private.stop_cancellation(uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.stop_cancellation(uuid, text) to authenticated, service_role;

create function public.stop_cancellation(id uuid, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.stop_cancellation(stop_cancellation.id, stop_cancellation.idempotency_key) $$;
comment on function public.stop_cancellation(uuid, text) is
  'Stops a refund (an id of payment_cancellations) that PortOne has taken and not carried out. Admins and the service role; Triple-A only. What PortOne says of it afterwards decides. Errors: CANCELLATION_NOT_FOUND, CANCEL_NOT_ALLOWED, CANCELLATION_NOT_PENDING, CANCELLATION_NOT_STOPPABLE, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.stop_cancellation(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.stop_cancellation(uuid, text) to authenticated, service_role;

create function private.settle_stop(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  refund public.payment_cancellations;
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  perform private.job_snapshots(p_job, p_outcome, p_name, p_now);
  select * into refund from public.payment_cancellations as refunds where refunds.id = (p_job.payload ->> 'cancellation')::uuid;
  if refund.status = 'failed' then
    answer.verdict := 'done';
    answer.error := null;
  elsif refund.status = 'succeeded' then
    answer.verdict := 'failed';
    answer.error := jsonb_build_object('code', 'PAYMENT_CANCELLATION_NOT_PENDING', 'message', 'PortOne carried the refund out before it could be stopped.');
  elsif answer.verdict = 'done' then
    -- Stopped is what PortOne says is stopped.
    answer.verdict := 'retry';
  end if;
  answer.result := jsonb_build_object('paymentId', refund.payment_id, 'cancellation', refund.id, 'cancellationId', refund.cancellation_id,
    'amount', refund.amount, 'status', refund.status);
  perform private.follow_refund(refund.payment_id, p_now);
  return answer;
end
$$;
comment on function private.settle_stop(queue.jobs, jsonb, text, timestamptz) is
  'Ends the stopping of a refund by what PortOne says of it: failed (assumed; undocumented) is what was asked for, and its hold is free; succeeded came first.';
revoke all on function private.settle_stop(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;
