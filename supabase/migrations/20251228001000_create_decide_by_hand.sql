-- When reading PortOne back can decide nothing, a person can, who has seen PortOne's console or asked its support.

create function private.decide_by_hand(p_operation_id uuid, p_why text, p_cancellation_id text default null) returns public.payment_operations
language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz;
  subject constant text := (private.last_attempt(p_operation_id)).payment_id;
  failure constant jsonb := jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'Decided by hand: ' || left(p_why, 200));
  operation public.payment_operations;
  refund public.payment_cancellations;
begin
  if coalesce(btrim(p_why), '') = '' then
    perform private.fail('422', 'REASON_REQUIRED', 'p_why is required.', 'p_why', 'Say how you know; it is kept with the finding.');
  end if;
  perform private.lock_lanes(array['payment:' || subject]);
  v_now := private.now();
  select * into operation from public.payment_operations as operations where operations.id = p_operation_id for no key update;
  if subject is null or operation.id is null then
    perform private.fail('404', 'OPERATION_NOT_FOUND', 'Nothing was sent for an operation with this id.', 'p_operation_id', 'It is the subject of undecided_charge, and payment_cancellations.operation_id of a refund.');
  end if;
  select * into refund from public.payment_cancellations as refunds where refunds.operation_id = operation.id;
  if operation.status <> 'pending' or refund.cancellation_id is not null
    or exists (select from queue.jobs where jobs.id = operation.job_id)
    or exists (select from public.payments where payments.payment_id = subject and operation.kind <> 'cancel_payment' and private.is_settled(payments.portone_status)) then
    perform private.fail('409', 'OPERATION_NOT_UNDECIDED', 'This operation has ended, its job still runs, or PortOne''s own figures decide it.', 'p_operation_id', 'Read the payment back instead.');
  end if;

  if p_cancellation_id is not null then
    if refund.id is null or not exists (
      select from public.payment_cancellations as listed
      where listed.payment_id = subject and listed.cancellation_id = p_cancellation_id and listed.operation_id is null and listed.amount = refund.amount
    ) then
      perform private.fail('409', 'CANCELLATION_NOT_LISTED', 'PortOne lists no cancellation with this id that can be this refund.', 'p_cancellation_id', 'Read the payment back first; the amounts must be the same.');
    end if;
    perform private.adopt_cancellation(refund.id, p_cancellation_id, v_now);
  elsif refund.id is not null then
    perform private.give_back_hold(refund, failure, v_now);
  else
    perform private.end_operation(operation.id, 'failed',
      private.end_call(operation.id, operation.kind::text, subject, 'failed', failure, v_now), failure, v_now);
  end if;
  update public.drift_findings set closed_how = left(p_why, 500)
  where drift_findings.subject in (operation.id::text, refund.id::text) and drift_findings.closed_at = v_now;
  select * into operation from public.payment_operations as operations where operations.id = p_operation_id;
  return operation;
end
$$;
comment on function private.decide_by_hand(uuid, text, text) is
  'For the SQL editor: an undecided call never happened (p_why says how you know), or, for a refund, is the cancellation PortOne lists under p_cancellation_id. That a payment was made is never decided by hand: it is read back. Errors: REASON_REQUIRED, OPERATION_NOT_FOUND, OPERATION_NOT_UNDECIDED, CANCELLATION_NOT_LISTED.';
revoke all on function private.decide_by_hand(uuid, text, text) from public, anon, authenticated, service_role;
