-- What app clients may ask about saved cards: to issue, register, delete, charge and schedule.

create function private.enqueue_card_operation(p_operation public.payment_operations, p_kind text, p_billing_key_id uuid, p_now timestamptz)
returns public.payment_operations
language plpgsql set search_path = ''
as $$
begin
  p_operation.job_id := private.add_job(p_kind, 'billing_key:' || p_billing_key_id, jsonb_build_object('billing_key_id', p_billing_key_id), p_now, p_operation.id);
  update public.payment_operations set job_id = p_operation.job_id where id = p_operation.id;
  return p_operation;
end
$$;
comment on function private.enqueue_card_operation(public.payment_operations, text, uuid, timestamptz) is 'Gives an operation about a saved card its job. The caller holds the card''s lane.';
revoke all on function private.enqueue_card_operation(public.payment_operations, text, uuid, timestamptz) from public, anon, authenticated, service_role;

create function private.request_billing_key_issue(p_consent boolean) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now constant timestamptz := private.now();
  channel constant jsonb := private.channel_for('billing');
  made public.billing_keys;
begin
  if me.user_id is null then
    perform private.fail('403', 'SIGN_IN_REQUIRED', 'A card is saved by its owner.', null, 'Send the user''s access token.');
  end if;
  if p_consent is distinct from true then
    perform private.fail('422', 'CONSENT_REQUIRED', 'The customer must agree to the card being saved.', 'consent', 'Send true once they have.');
  end if;
  perform private.lock_lanes(array['user:' || me.user_id]);
  if (
    select count(*) from public.billing_keys as keys
    where keys.user_id = me.user_id and keys.issued_at is null and keys.created_at > v_now - interval '1 hour'
  ) >= 20 then
    perform private.fail('429', 'TOO_MANY_REQUESTS', 'Too many cards were begun in the last hour.', null, 'Try again later.', jsonb_build_object('retry_after_seconds', 3600));
  end if;
  insert into public.billing_keys (user_id, issue_id, store_id, channel_key, channel_kind, pg_provider, is_active, consented_at, created_at, updated_at)
  values (
    me.user_id, 'iss' || replace(gen_random_uuid()::text, '-', ''), channel ->> 'store_id', channel ->> 'channel_key', channel ->> 'kind',
    channel ->> 'pg_provider', false, v_now, v_now, v_now
  )
  returning * into made;
  return jsonb_build_object('billingKeyId', made.id, 'issueId', made.issue_id, 'customerId', made.user_id, 'storeId', made.store_id,
    'channelKey', made.channel_key, 'issueName', 'saved card');
end
$$;
comment on function private.request_billing_key_issue(boolean) is 'Makes the issue id a card window is opened with, bound to this user.';
revoke all on function private.request_billing_key_issue(boolean) from public, anon, authenticated, service_role;
grant execute on function private.request_billing_key_issue(boolean) to authenticated, service_role;

create function public.request_billing_key_issue(consent boolean) returns jsonb
language sql set search_path = ''
as $$ select private.request_billing_key_issue(request_billing_key_issue.consent) $$;
comment on function public.request_billing_key_issue(boolean) is
  'Before the card window opens: {billingKeyId, issueId, customerId, storeId, channelKey, issueName}; pass issueId and customerId to the browser SDK. Errors: SIGN_IN_REQUIRED, CONSENT_REQUIRED, TOO_MANY_REQUESTS.';
revoke all on function public.request_billing_key_issue(boolean) from public, anon, authenticated, service_role;
grant execute on function public.request_billing_key_issue(boolean) to authenticated, service_role;

create function private.register_billing_key(p_billing_key text, p_issue_id text, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  -- The key is a secret that can be charged: it takes part in the comparison of requests only as a hash of a random text.
  request constant jsonb := jsonb_build_object('issue_id', p_issue_id, 'key', encode(sha256(convert_to(coalesce(p_billing_key, ''), 'UTF8')), 'hex'));
  operation public.payment_operations;
  card public.billing_keys;
begin
  if coalesce(char_length(p_billing_key), 0) not between 1 and 255 then
    perform private.fail('422', 'BILLING_KEY_REQUIRED', 'billing_key must be 1 to 255 characters.', 'billing_key', 'Send the key the card window answered.');
  end if;
  select * into card from public.billing_keys as keys
  where keys.issue_id = p_issue_id and (keys.user_id = me.user_id or me.is_service);
  if card.id is null then
    perform private.fail('404', 'ISSUE_NOT_FOUND', 'There is no such card registration.', 'issue_id', 'Send the issue id this user was given.');
  end if;
  operation := private.start_operation(me, 'register_billing_key', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['billing_key:' || card.id]);
  v_now := private.now();
  select * into card from public.billing_keys as keys where keys.id = card.id for no key update;
  if card.issued_at is not null or card.deleted_at is not null then
    perform private.fail('409', 'BILLING_KEY_ALREADY_REGISTERED', 'This card has been registered.', 'issue_id', 'Begin anew to save another card.');
  end if;
  if exists (select from public.billing_keys as others where others.billing_key = p_billing_key and others.id <> card.id) then
    perform private.fail('409', 'BILLING_KEY_NOT_YOURS', 'This billing key was not issued for this registration.', 'billing_key', 'Begin anew.');
  end if;
  update public.billing_keys set billing_key = p_billing_key, updated_at = v_now where id = card.id;
  operation := private.add_operation(me, 'register_billing_key', request, p_idempotency_key, v_now);
  return private.enqueue_card_operation(operation, 'register_billing_key', card.id, v_now);
end
$$;
comment on function private.register_billing_key(text, text, text) is 'Has a reported billing key verified at PortOne; it counts only after that.';
revoke all on function private.register_billing_key(text, text, text) from public, anon, authenticated, service_role;
grant execute on function private.register_billing_key(text, text, text) to authenticated, service_role;

create function public.register_billing_key(billing_key text, issue_id text, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.register_billing_key(register_billing_key.billing_key, register_billing_key.issue_id, register_billing_key.idempotency_key) $$;
comment on function public.register_billing_key(text, text, text) is
  'The card window has answered with a billing key: verify at PortOne that it belongs to this user''s issue, then keep it. Errors: BILLING_KEY_REQUIRED, ISSUE_NOT_FOUND, BILLING_KEY_ALREADY_REGISTERED, BILLING_KEY_NOT_YOURS, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.register_billing_key(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.register_billing_key(text, text, text) to authenticated, service_role;

create function private.delete_billing_key(p_id uuid, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('billing_key_id', p_id);
  operation public.payment_operations;
  card public.billing_keys;
begin
  card := private.own_billing_key(me, p_id);
  operation := private.start_operation(me, 'delete_billing_key', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['billing_key:' || card.id]);
  v_now := private.now();
  select * into card from public.billing_keys as keys where keys.id = card.id for no key update;
  if card.deleted_at is not null then
    perform private.fail('409', 'BILLING_KEY_ALREADY_DELETED', 'This card has been deleted.', 'id', 'There is nothing left to do.');
  end if;
  if card.issued_at is null then
    perform private.fail('409', 'BILLING_KEY_NOT_USABLE', 'This card was never registered.', 'id', 'There is nothing to delete.');
  end if;
  -- From now on nothing new is charged to it.
  update public.billing_keys set is_active = false, is_default = false, updated_at = v_now where id = card.id;
  operation := private.add_operation(me, 'delete_billing_key', request, p_idempotency_key, v_now);
  return private.enqueue_card_operation(operation, 'delete_billing_key', card.id, v_now);
end
$$;
comment on function private.delete_billing_key(uuid, text) is 'Turns a card off at once and has its schedules revoked and its key deleted at PortOne.';
revoke all on function private.delete_billing_key(uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.delete_billing_key(uuid, text) to authenticated, service_role;

create function public.delete_billing_key(id uuid, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.delete_billing_key(delete_billing_key.id, delete_billing_key.idempotency_key) $$;
comment on function public.delete_billing_key(uuid, text) is
  'Deletes a saved card: off at once, then its schedules are revoked and the key is deleted at PortOne. Errors: BILLING_KEY_NOT_FOUND, BILLING_KEY_NOT_USABLE, BILLING_KEY_ALREADY_DELETED, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.delete_billing_key(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.delete_billing_key(uuid, text) to authenticated, service_role;

create function private.new_card_payment(
  p_me private.caller, p_order_id text, p_billing_key_id uuid, p_now timestamptz, out payment public.payments, out card public.billing_keys
)
language plpgsql set search_path = ''
as $$
declare
  quote private.quote;
  new_id constant text := 'pay' || replace(gen_random_uuid()::text, '-', '');
begin
  if coalesce(p_order_id, '') = '' then
    perform private.fail('422', 'ORDER_ID_REQUIRED', 'order_id is required.', 'order_id', 'Send the id of the order to pay.');
  end if;
  quote := private.quote_order(p_order_id);
  if not p_me.is_service and quote.user_id is distinct from p_me.user_id then
    perform private.fail('404', 'ORDER_NOT_FOUND', 'There is no such order.', 'order_id', 'Send the id of an order of this user.');
  end if;
  if quote.amount is null or quote.amount <= 0 or quote.tax_free_amount is null or quote.tax_free_amount not between 0 and quote.amount then
    perform private.fail('409', 'ORDER_HAS_NO_PRICE', 'This order has no amount that can be paid.', 'order_id', 'Its total must be above 0 and its tax-free part within it.');
  end if;
  card := private.usable_billing_key(p_me, p_billing_key_id, quote.user_id, p_now);
  perform private.lock_lanes(array['order:' || p_order_id]);
  if exists (select from private.order_settlements as settled where settled.order_id = p_order_id)
    or exists (select from public.payments as others where others.order_id = p_order_id and others.status in ('paid', 'partial_cancelled')) then
    perform private.fail('409', 'ORDER_ALREADY_PAID', 'This order has been paid.', 'order_id', 'Make a new order to pay again.');
  end if;
  if exists (select from public.payments as others where others.order_id = p_order_id and others.is_live) then
    perform private.fail('409', 'ORDER_HAS_OPEN_PAYMENT', 'Another payment of this order is under way.', 'order_id', 'Wait until it has ended, or let the customer finish it.');
  end if;
  perform private.lock_lanes(array['payment:' || new_id]);
  insert into public.payments (
    user_id, order_id, payment_id, order_name, amount, tax_free_amount, currency, status, pay_method, origin, is_live,
    store_id, channel_key, channel_kind, total_cancel_amount, created_at, updated_at
  )
  values (
    quote.user_id, p_order_id, new_id, quote.order_name, quote.amount, quote.tax_free_amount, quote.currency, 'preparing', card.pay_method, 'app', true,
    card.store_id, card.channel_key, card.channel_kind, 0, p_now, p_now
  )
  returning * into payment;
end
$$;
comment on function private.new_card_payment(private.caller, text, uuid, timestamptz) is 'A payment of an order by a saved card, with the order''s price and the card''s store and channel as what must come back.';
revoke all on function private.new_card_payment(private.caller, text, uuid, timestamptz) from public, anon, authenticated, service_role;

create function private.request_billing_payment(p_order_id text, p_billing_key_id uuid, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('order_id', p_order_id, 'billing_key_id', p_billing_key_id);
  operation public.payment_operations;
  made record;
begin
  operation := private.start_operation(me, 'charge_billing_key', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  select * into made from private.new_card_payment(me, p_order_id, p_billing_key_id, v_now);
  v_now := private.now();
  operation := private.add_operation(me, 'charge_billing_key', request, p_idempotency_key, v_now, null, p_order_id);
  return private.enqueue_operation(operation, 'charge_billing_key', (made.payment).payment_id, jsonb_build_object('billing_key_id', p_billing_key_id), v_now,
    null, v_now + private.money_budget());
end
$$;
comment on function private.request_billing_payment(text, uuid, text) is 'Makes the payment and enqueues its charge.';
revoke all on function private.request_billing_payment(text, uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.request_billing_payment(text, uuid, text) to authenticated, service_role;

create function public.request_billing_payment(order_id text, billing_key_id uuid, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.request_billing_payment(request_billing_payment.order_id, request_billing_payment.billing_key_id, request_billing_payment.idempotency_key) $$;
comment on function public.request_billing_payment(text, uuid, text) is
  'Pays an order with a saved card, now. A decline ends the operation as failed with the PG''s code and message. Errors: ORDER_ID_REQUIRED, ORDER_NOT_FOUND, ORDER_HAS_NO_PRICE, ORDER_ALREADY_PAID, ORDER_HAS_OPEN_PAYMENT, BILLING_KEY_NOT_FOUND, BILLING_KEY_NOT_USABLE, BILLING_KEY_EXPIRED, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.request_billing_payment(text, uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.request_billing_payment(text, uuid, text) to authenticated, service_role;

create function private.request_schedule(p_order_id text, p_billing_key_id uuid, p_time_to_pay timestamptz, p_idempotency_key text)
returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('order_id', p_order_id, 'billing_key_id', p_billing_key_id, 'time_to_pay', private.iso(p_time_to_pay));
  operation public.payment_operations;
  made record;
begin
  if p_time_to_pay is null or p_time_to_pay <= v_now + interval '1 minute' or p_time_to_pay > v_now + interval '2 years' then
    perform private.fail('422', 'TIME_TO_PAY_OUT_OF_RANGE', 'time_to_pay must be between a minute and two years from now.', 'time_to_pay', 'Send a future time, RFC 3339.');
  end if;
  operation := private.start_operation(me, 'create_schedule', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  select * into made from private.new_card_payment(me, p_order_id, p_billing_key_id, v_now);
  v_now := private.now();
  insert into public.payment_schedules (payment_id, order_id, user_id, billing_key_id, time_to_pay, created_at, updated_at)
  values ((made.payment).payment_id, p_order_id, (made.payment).user_id, p_billing_key_id, p_time_to_pay, v_now, v_now);
  operation := private.add_operation(me, 'create_schedule', request, p_idempotency_key, v_now, null, p_order_id);
  return private.enqueue_operation(operation, 'create_schedule', (made.payment).payment_id, jsonb_build_object('billing_key_id', p_billing_key_id), v_now,
    null, v_now + private.money_budget());
end
$$;
comment on function private.request_schedule(text, uuid, timestamptz, text) is 'Makes the payment and the schedule and enqueues its registration at PortOne.';
revoke all on function private.request_schedule(text, uuid, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function private.request_schedule(text, uuid, timestamptz, text) to authenticated, service_role;

create function public.request_schedule(order_id text, billing_key_id uuid, time_to_pay timestamptz, idempotency_key text default null)
returns public.payment_operations
language sql set search_path = ''
as $$ select private.request_schedule(request_schedule.order_id, request_schedule.billing_key_id, request_schedule.time_to_pay, request_schedule.idempotency_key) $$;
comment on function public.request_schedule(text, uuid, timestamptz, text) is
  'Has PortOne charge a saved card for an order at a later time. Errors: TIME_TO_PAY_OUT_OF_RANGE, ORDER_ID_REQUIRED, ORDER_NOT_FOUND, ORDER_HAS_NO_PRICE, ORDER_ALREADY_PAID, ORDER_HAS_OPEN_PAYMENT, BILLING_KEY_NOT_FOUND, BILLING_KEY_NOT_USABLE, BILLING_KEY_EXPIRED, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.request_schedule(text, uuid, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.request_schedule(text, uuid, timestamptz, text) to authenticated, service_role;

create function private.revoke_schedule(p_id uuid, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('schedule', p_id);
  operation public.payment_operations;
  schedule public.payment_schedules;
begin
  select * into schedule from public.payment_schedules as schedules
  where schedules.id = p_id and (me.is_admin or me.is_service or schedules.user_id = me.user_id);
  if schedule.id is null then
    perform private.fail('404', 'SCHEDULE_NOT_FOUND', 'There is no such schedule.', 'id', 'Send the id of a schedule of this user.');
  end if;
  operation := private.start_operation(me, 'revoke_schedule', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['payment:' || schedule.payment_id]);
  v_now := private.now();
  select * into schedule from public.payment_schedules as schedules where schedules.id = p_id;
  if schedule.status in ('succeeded', 'failed', 'revoked') then
    perform private.fail('409', 'SCHEDULE_IS_OVER', format('This schedule is %s.', schedule.status), 'id', 'There is nothing left to revoke.');
  end if;
  operation := private.add_operation(me, 'revoke_schedule', request, p_idempotency_key, v_now, null, schedule.order_id);
  return private.enqueue_operation(operation, 'revoke_schedule', schedule.payment_id, jsonb_build_object('billing_key_id', schedule.billing_key_id), v_now);
end
$$;
comment on function private.revoke_schedule(uuid, text) is 'Enqueues the revocation of a schedule.';
revoke all on function private.revoke_schedule(uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.revoke_schedule(uuid, text) to authenticated, service_role;

create function public.revoke_schedule(id uuid, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.revoke_schedule(revoke_schedule.id, revoke_schedule.idempotency_key) $$;
comment on function public.revoke_schedule(uuid, text) is
  'Takes back a future charge. Errors: SCHEDULE_NOT_FOUND, SCHEDULE_IS_OVER, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.revoke_schedule(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.revoke_schedule(uuid, text) to authenticated, service_role;

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
