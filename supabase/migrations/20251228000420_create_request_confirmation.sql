-- Manual approval: the window answered with a token, money moves only when it is confirmed.

create function private.request_confirmation(p_payment_id text, p_payment_token text, p_tx_id text, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('payment_id', p_payment_id, 'tx_id', p_tx_id,
    'token', encode(sha256(convert_to(coalesce(p_payment_token, ''), 'UTF8')), 'hex'));
  operation public.payment_operations;
  payment public.payments;
begin
  payment := private.own_payment(me, p_payment_id);
  if coalesce(char_length(p_payment_token), 0) not between 1 and 500 then
    perform private.fail('422', 'PAYMENT_TOKEN_REQUIRED', 'payment_token must be 1 to 500 characters.', 'payment_token', 'Send the token the payment window answered.');
  end if;
  operation := private.start_operation(me, 'confirm_payment', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['payment:' || p_payment_id]);
  v_now := private.now();
  select * into payment from public.payments where payments.payment_id = p_payment_id;
  if payment.status not in ('ready', 'failed', 'pay_pending', 'virtual_account_issued') or payment.discrepancies <> '{}' then
    perform private.fail('409', 'PAYMENT_NOT_CONFIRMABLE', format('This payment is %s and cannot be confirmed.', payment.status), 'payment_id', 'Read the payment instead.');
  end if;
  operation := private.add_operation(me, 'confirm_payment', request, p_idempotency_key, v_now, p_payment_id);
  insert into private.payment_tokens (operation_id, payment_token, tx_id) values (operation.id, p_payment_token, p_tx_id);
  return private.enqueue_operation(operation, 'confirm_payment', p_payment_id, '{}', v_now, null, v_now + private.money_budget());
end
$$;
comment on function private.request_confirmation(text, text, text, text) is 'Enqueues the approval of a payment whose channel waits for ours.';
revoke all on function private.request_confirmation(text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function private.request_confirmation(text, text, text, text) to authenticated, service_role;

create function public.request_confirmation(payment_id text, payment_token text, tx_id text default null, idempotency_key text default null)
returns public.payment_operations
language sql set search_path = ''
as $$ select private.request_confirmation(request_confirmation.payment_id, request_confirmation.payment_token, request_confirmation.tx_id, request_confirmation.idempotency_key) $$;
comment on function public.request_confirmation(text, text, text, text) is
  'Manual approval: the window answered with a token, money moves only when this is asked. PortOne compares amount and currency with the order''s. Errors: PAYMENT_ID_REQUIRED, PAYMENT_NOT_FOUND, PAYMENT_TOKEN_REQUIRED, PAYMENT_NOT_CONFIRMABLE, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.request_confirmation(text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.request_confirmation(text, text, text, text) to authenticated, service_role;
