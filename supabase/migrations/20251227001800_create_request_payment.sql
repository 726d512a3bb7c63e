-- What app clients may ask for, first part: to pay an order, and to say that the window has closed.
-- public.* run as the caller and only pass on; private.* check and write.

create function private.start_operation(
  p_me private.caller, p_kind public.operation_kind, p_request jsonb, p_idempotency_key text, p_now timestamptz, out earlier public.payment_operations
)
language plpgsql set search_path = ''
as $$
declare
  hash constant text := encode(sha256(convert_to((p_request || jsonb_build_object('kind', p_kind))::text, 'UTF8')), 'hex');
begin
  if p_idempotency_key is null then
    return;
  end if;
  if char_length(p_idempotency_key) not between 8 and 200 then
    perform private.fail('422', 'IDEMPOTENCY_KEY_INVALID', 'idempotency_key must be 8 to 200 characters.', 'idempotency_key', 'A random UUID is a good key.');
  end if;
  -- Two calls with the same key at once: the second waits here and then finds the first.
  perform private.lock_lanes(array[format('operation:%s:%s', p_me.scope, p_idempotency_key)]);
  select * into earlier from public.payment_operations as operations
  where operations.requester_scope = p_me.scope and operations.idempotency_key = p_idempotency_key;
  if found and earlier.request_hash <> hash then
    perform private.fail('409', 'IDEMPOTENCY_KEY_REUSED', 'idempotency_key was used for a different request.', 'idempotency_key', 'Use a new key for a new request.');
  end if;
end
$$;
comment on function private.start_operation(private.caller, public.operation_kind, jsonb, text, timestamptz) is
  'The operation this idempotency key made before, or null. Call it before taking a payment''s lane.';
revoke all on function private.start_operation(private.caller, public.operation_kind, jsonb, text, timestamptz)
from public, anon, authenticated, service_role;

create function private.add_operation(
  p_me private.caller, p_kind public.operation_kind, p_request jsonb, p_idempotency_key text, p_now timestamptz,
  p_payment_id text default null, p_order_id text default null, p_job_id bigint default null,
  p_asked_as public.operation_kind default null
) returns public.payment_operations
language sql set search_path = ''
as $$
  insert into public.payment_operations (
    kind, payment_id, order_id, requested_by, requester_scope, idempotency_key, request_hash, job_id, created_at
  )
  values (
    p_kind, p_payment_id, p_order_id, p_me.user_id, p_me.scope, p_idempotency_key,
    encode(sha256(convert_to((p_request || jsonb_build_object('kind', coalesce(p_asked_as, p_kind)))::text, 'UTF8')), 'hex'), p_job_id, p_now
  )
  returning *
$$;
comment on function private.add_operation(private.caller, public.operation_kind, jsonb, text, timestamptz, text, text, bigint, public.operation_kind) is
  'Records what was asked, by whom. p_asked_as: the kind start_operation was called with, where the payment''s state made another one of it.';
revoke all on function private.add_operation(private.caller, public.operation_kind, jsonb, text, timestamptz, text, text, bigint, public.operation_kind)
from public, anon, authenticated, service_role;

create function private.enqueue_operation(
  p_operation public.payment_operations, p_kind text, p_payment_id text, p_payload jsonb, p_now timestamptz,
  p_max_failures integer default 20, p_give_up_at timestamptz default null
) returns public.payment_operations
language plpgsql set search_path = ''
as $$
begin
  p_operation.job_id := private.add_job(
    p_kind, 'payment:' || p_payment_id, p_payload || jsonb_build_object('payment_id', p_payment_id), p_now,
    p_operation.id, p_max_failures, p_give_up_at
  );
  update public.payment_operations set job_id = p_operation.job_id where id = p_operation.id;
  return p_operation;
end
$$;
comment on function private.enqueue_operation(public.payment_operations, text, text, jsonb, timestamptz, integer, timestamptz) is
  'Gives an operation its job. The caller holds the payment''s lane.';
revoke all on function private.enqueue_operation(public.payment_operations, text, text, jsonb, timestamptz, integer, timestamptz)
from public, anon, authenticated, service_role;

create function private.request_payment(p_order_id text, p_pay_method text, p_idempotency_key text)
returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  quote private.quote;
  request jsonb;
  operation public.payment_operations;
  payment public.payments;
  new_id constant text := 'pay' || replace(gen_random_uuid()::text, '-', '');
begin
  if coalesce(p_order_id, '') = '' then
    perform private.fail('422', 'ORDER_ID_REQUIRED', 'order_id is required.', 'order_id', 'Send the id of the order to pay.');
  end if;
  if coalesce(p_pay_method, '') not in ('CARD', 'VIRTUAL_ACCOUNT', 'TRANSFER', 'MOBILE', 'EASY_PAY') then
    perform private.fail('422', 'PAY_METHOD_UNKNOWN', 'pay_method must be CARD, VIRTUAL_ACCOUNT, TRANSFER, MOBILE or EASY_PAY.', 'pay_method', 'Send one of these words.');
  end if;
  quote := private.quote_order(p_order_id);
  if not me.is_service and quote.user_id is distinct from me.user_id then
    perform private.fail('404', 'ORDER_NOT_FOUND', 'There is no such order.', 'order_id', 'Send the id of an order of this user.');
  end if;
  if quote.amount is null or quote.amount <= 0 or quote.tax_free_amount is null or quote.tax_free_amount not between 0 and quote.amount
    or coalesce(quote.currency, '') !~ '^[A-Z]{3}$' then
    perform private.fail('409', 'ORDER_HAS_NO_PRICE', 'This order has no amount that can be paid.', 'order_id',
      'Its total must be above 0, its tax-free part within it, its currency three capital letters like KRW.');
  end if;
  -- One spelling from here on, or one order could have two payments.
  p_order_id := coalesce(quote.order_id, p_order_id);
  request := jsonb_build_object('order_id', p_order_id, 'pay_method', p_pay_method);

  operation := private.start_operation(me, 'prepare_payment', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  -- One request per order at a time; the order's lock comes before any payment's.
  perform private.lock_lanes(array['order:' || p_order_id]);

  if exists (select from private.order_settlements as settled where settled.order_id = p_order_id)
    or exists (
      select from public.payments as others
      where others.order_id = p_order_id and others.status in ('paid', 'partial_cancelled')
    ) then
    perform private.fail('409', 'ORDER_ALREADY_PAID', 'This order has been paid.', 'order_id', 'Make a new order to pay again.');
  end if;

  select * into payment from public.payments as live where live.order_id = p_order_id and live.is_live;
  if found then
    perform private.lock_lanes(array['payment:' || payment.payment_id]);
    v_now := private.now();
    select * into payment from public.payments as live where live.id = payment.id for no key update;
    if not payment.is_live then
      -- It has ended, or was paid, while we waited for it.
      return private.request_payment(p_order_id, p_pay_method, p_idempotency_key);
    end if;
    if private.is_being_paid(payment) then
      perform private.fail('409', 'ORDER_HAS_OPEN_PAYMENT', 'Another payment of this order is under way.', 'order_id', 'Wait until it has ended, or revoke its schedule.');
    end if;
    if payment.status in ('preparing', 'ready')
      and (payment.amount, payment.tax_free_amount, payment.currency) is distinct from (quote.amount, quote.tax_free_amount, quote.currency) then
      -- The order's price has changed. Should the old window be paid all the same, the new price is what it is held
      -- against: a discrepancy, not a fulfilment.
      update public.payments
      set status = 'expired', is_live = false, amount = quote.amount, tax_free_amount = quote.tax_free_amount, currency = quote.currency,
        updated_at = v_now
      where payments.id = payment.id;
      perform private.append_event(payment.payment_id, 'status_changed', payment.status, 'expired', '{"reason": "price_changed"}', 'request_payment', v_now);
    else
      -- Two tabs, one payment. The same method: the same operation. Another method, or somebody else who may ask:
      -- registered again under the same id.
      select * into operation from public.payment_operations as operations
      where operations.order_id = p_order_id and operations.kind = 'prepare_payment' and operations.status in ('pending', 'succeeded')
        and operations.requester_scope = me.scope
      order by operations.created_at desc limit 1;
      if operation.id is not null and (payment.pay_method = p_pay_method or payment.status not in ('preparing', 'ready')) then
        return operation;
      end if;
      update public.payments set pay_method = p_pay_method, updated_at = v_now where payments.id = payment.id;
      operation := private.add_operation(me, 'prepare_payment', request, p_idempotency_key, v_now, null, p_order_id);
      return private.enqueue_operation(operation, 'prepare_payment', payment.payment_id, jsonb_build_object('pay_method', p_pay_method), v_now);
    end if;
  end if;

  perform private.lock_lanes(array['payment:' || new_id]);
  v_now := private.now();
  insert into public.payments (
    user_id, order_id, payment_id, order_name, amount, tax_free_amount, currency, status, pay_method, origin, is_live,
    total_cancel_amount, created_at, updated_at
  )
  values (
    quote.user_id, p_order_id, new_id, quote.order_name, quote.amount, quote.tax_free_amount, quote.currency, 'preparing', p_pay_method, 'app', true,
    0, v_now, v_now
  );
  operation := private.add_operation(me, 'prepare_payment', request, p_idempotency_key, v_now, null, p_order_id);
  return private.enqueue_operation(operation, 'prepare_payment', new_id, jsonb_build_object('pay_method', p_pay_method), v_now);
end
$$;
comment on function private.request_payment(text, text, text) is
  'Makes the order''s payment (price from private.quote_order), or returns the one that is open, and enqueues its pre-registration.';
revoke all on function private.request_payment(text, text, text) from public, anon, authenticated, service_role;
grant execute on function private.request_payment(text, text, text) to authenticated, service_role;

create function public.request_payment(order_id text, pay_method text, idempotency_key text default null)
returns public.payment_operations
language sql set search_path = ''
as $$ select private.request_payment(request_payment.order_id, request_payment.pay_method, request_payment.idempotency_key) $$;
comment on function public.request_payment(text, text, text) is
  'Asks to pay an order. The price comes from the order, never from the caller. When the operation has succeeded, its result holds what the PortOne browser SDK needs, the payment id among it. Asking again returns the same payment. Errors: ORDER_ID_REQUIRED, PAY_METHOD_UNKNOWN, ORDER_NOT_FOUND, ORDER_HAS_NO_PRICE, ORDER_ALREADY_PAID, ORDER_HAS_OPEN_PAYMENT, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.request_payment(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.request_payment(text, text, text) to authenticated, service_role;

create function private.own_payment(p_me private.caller, p_payment_id text) returns public.payments
language plpgsql stable set search_path = ''
as $$
declare
  payment public.payments;
begin
  if coalesce(p_payment_id, '') = '' then
    perform private.fail('422', 'PAYMENT_ID_REQUIRED', 'payment_id is required.', 'payment_id', 'Send the payment''s id.');
  end if;
  select * into payment from public.payments where payments.payment_id = p_payment_id;
  -- Somebody else's payment and no payment look the same.
  if payment.id is null or not (
    p_me.is_admin or p_me.is_service or (payment.user_id = p_me.user_id and payment.status <> 'preparing') is true
  ) then
    perform private.fail('404', 'PAYMENT_NOT_FOUND', 'There is no such payment.', 'payment_id', 'Send the id of a payment of this user.');
  end if;
  return payment;
end
$$;
comment on function private.own_payment(private.caller, text) is 'The payment, if the caller may know of it; else PAYMENT_NOT_FOUND.';
revoke all on function private.own_payment(private.caller, text) from public, anon, authenticated, service_role;

create function private.request_completion(p_payment_id text, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('payment_id', p_payment_id);
  operation public.payment_operations;
begin
  perform private.own_payment(me, p_payment_id);
  operation := private.start_operation(me, 'complete_payment', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['payment:' || p_payment_id]);
  v_now := private.now();
  -- Asking while an answer is already on its way is the same question.
  select * into operation
  from public.payment_operations as operations
  where operations.job_id = private.unstarted_sync('payment:' || p_payment_id)
    and operations.kind = 'complete_payment' and operations.status = 'pending'
    and operations.requester_scope = me.scope and p_idempotency_key is null
  limit 1;
  if operation.id is not null then
    return operation;
  end if;
  return private.add_operation(me, 'complete_payment', request, p_idempotency_key, v_now, p_payment_id, null, private.sync_job(p_payment_id, v_now));
end
$$;
comment on function private.request_completion(text, text) is 'Has the payment read back from PortOne, together with any webhook that asks for the same.';
revoke all on function private.request_completion(text, text) from public, anon, authenticated, service_role;
grant execute on function private.request_completion(text, text) to authenticated, service_role;

create function public.request_completion(payment_id text, idempotency_key text default null)
returns public.payment_operations
language sql set search_path = ''
as $$ select private.request_completion(request_completion.payment_id, request_completion.idempotency_key) $$;
comment on function public.request_completion(text, text) is
  'The browser''s window has closed: read the payment back from PortOne. What the browser says about the outcome is not asked for. Errors: PAYMENT_ID_REQUIRED, PAYMENT_NOT_FOUND, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.request_completion(text, text) from public, anon, authenticated, service_role;
grant execute on function public.request_completion(text, text) to authenticated, service_role;

create function private.get_operation(p_id uuid) returns public.payment_operations
language plpgsql stable security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  operation public.payment_operations;
begin
  select * into operation from public.payment_operations as operations
  where operations.id = p_id and (me.is_admin or me.is_service or operations.requested_by = me.user_id);
  if operation.id is null then
    perform private.fail('404', 'OPERATION_NOT_FOUND', 'There is no such operation.', 'id', 'Send the id of an operation this user asked for.');
  end if;
  return operation;
end
$$;
comment on function private.get_operation(uuid) is 'One operation, if the caller asked for it or is an admin.';
revoke all on function private.get_operation(uuid) from public, anon, authenticated, service_role;
grant execute on function private.get_operation(uuid) to authenticated, service_role;

create function public.get_operation(id uuid) returns public.payment_operations
language sql stable set search_path = ''
as $$ select private.get_operation(get_operation.id) $$;
comment on function public.get_operation(uuid) is 'How an operation stands: pending, succeeded (result) or failed (error). Errors: OPERATION_NOT_FOUND, SIGN_IN_REQUIRED.';
revoke all on function public.get_operation(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_operation(uuid) to authenticated, service_role;
