-- What app clients may ask of a saved card: a charge now, a charge later, and taking that back.

create index payment_operations_card_calls_idx on public.payment_operations (order_id)
where kind in ('charge_billing_key', 'create_schedule') and status = 'pending';
comment on index public.payment_operations_card_calls_idx is 'is_being_paid: a charge of an order that is under way.';

create function private.is_being_paid(p_payment public.payments) returns boolean
language sql stable set search_path = ''
as $$
  select exists (select from private.attempts where attempts.payment_id = p_payment.payment_id and attempts.decided_at is null)
    or exists (
      select from public.payment_schedules as schedules
      where schedules.payment_id = p_payment.payment_id and schedules.status not in ('succeeded', 'failed', 'revoked')
    )
    or exists (
      select from public.payment_operations as operations
      where operations.order_id = p_payment.order_id and operations.kind in ('charge_billing_key', 'create_schedule') and operations.status = 'pending'
    )
    or exists (
      select from public.payment_operations as operations
      where operations.payment_id = p_payment.payment_id and operations.kind = 'confirm_payment' and operations.finished_at is null
    )
$$;
comment on function private.is_being_paid(public.payments) is
  'Whether a charge, a confirmation or a schedule of this live payment is under way or undecided: its order is not free, and no window is opened beside it. The caller holds the lane.';
revoke all on function private.is_being_paid(public.payments) from public, anon, authenticated, service_role;

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
  if quote.amount is null or quote.amount <= 0 or quote.tax_free_amount is null or quote.tax_free_amount not between 0 and quote.amount
    or coalesce(quote.currency, '') !~ '^[A-Z]{3}$' then
    perform private.fail('409', 'ORDER_HAS_NO_PRICE', 'This order has no amount that can be paid.', 'order_id',
      'Its total must be above 0, its tax-free part within it, its currency three capital letters like KRW.');
  end if;
  -- One spelling from here on, or one order could be charged twice.
  p_order_id := coalesce(quote.order_id, p_order_id);
  card := private.usable_billing_key(p_me, p_billing_key_id, quote.user_id, p_now);
  perform private.lock_lanes(array['order:' || p_order_id, 'billing_key:' || card.id]);
  -- It may have been deleted while we waited: from then on nothing new is charged to it.
  card := private.usable_billing_key(p_me, p_billing_key_id, quote.user_id, p_now);
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
  operation := private.add_operation(me, 'charge_billing_key', request, p_idempotency_key, v_now, null, (made.payment).order_id);
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
  'Pays an order with a saved card, now. A decline ends the operation as failed with the PG''s code and message. Errors: ORDER_ID_REQUIRED, ORDER_NOT_FOUND, ORDER_HAS_NO_PRICE, ORDER_ALREADY_PAID, ORDER_HAS_OPEN_PAYMENT, BILLING_KEY_NOT_FOUND, BILLING_KEY_INACTIVE, BILLING_KEY_EXPIRED, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
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
  operation := private.start_operation(me, 'create_schedule', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  -- Only now: who asks again under the same key hears what became of it, however late it is by then.
  if p_time_to_pay is null or p_time_to_pay <= v_now + interval '1 minute' or p_time_to_pay > v_now + interval '2 years' then
    perform private.fail('422', 'TIME_TO_PAY_OUT_OF_RANGE', 'time_to_pay must be between a minute and two years from now.', 'time_to_pay', 'Send a future time, RFC 3339.');
  end if;
  select * into made from private.new_card_payment(me, p_order_id, p_billing_key_id, v_now);
  v_now := private.now();
  insert into public.payment_schedules (payment_id, order_id, user_id, billing_key_id, time_to_pay, created_at, updated_at)
  values ((made.payment).payment_id, (made.payment).order_id, (made.payment).user_id, p_billing_key_id, p_time_to_pay, v_now, v_now);
  operation := private.add_operation(me, 'create_schedule', request, p_idempotency_key, v_now, null, (made.payment).order_id);
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
  'Has PortOne charge a saved card for an order at a later time. Errors: TIME_TO_PAY_OUT_OF_RANGE, ORDER_ID_REQUIRED, ORDER_NOT_FOUND, ORDER_HAS_NO_PRICE, ORDER_ALREADY_PAID, ORDER_HAS_OPEN_PAYMENT, BILLING_KEY_NOT_FOUND, BILLING_KEY_INACTIVE, BILLING_KEY_EXPIRED, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
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
