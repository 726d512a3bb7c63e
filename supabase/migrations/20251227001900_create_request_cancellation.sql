-- What app clients may ask for, second part: to give money back. The amount is held before PortOne is called.

create function private.check_refund_account(
  p_payment public.payments, p_bank text, p_number text, p_holder text, p_phone text
) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  method constant text := coalesce(p_payment.portone_pay_method, p_payment.pay_method, '');
  needs_phone constant boolean := coalesce(p_payment.pg_provider, '') in ('SMARTRO', 'SMARTRO_V2');
  missing text[];
  -- PortOne REST enum of banks (79), as its API document lists it.
  banks constant text[] := '{BANK_OF_KOREA,KDB,IBK,KOOKMIN,SUHYUP,KEXIM,NONGHYUP,LOCAL_NONGHYUP,WOORI,STANDARD_CHARTERED,CITI,SUHYUP_FEDERATION,DAEGU,BUSAN,KWANGJU,JEJU,JEONBUK,KYONGNAM,KFCC,SHINHYUP,SAVINGS_BANK,MORGAN_STANLEY,HSBC,DEUTSCHE,JPMC,MIZUHO,MUFG,BANK_OF_AMERICA,BNP_PARIBAS,ICBC,BANK_OF_CHINA,NFCF,UOB,BOCOM,CCB,POST,KODIT,KIBO,HANA,SHINHAN,K_BANK,KAKAO,TOSS,MISC_FOREIGN,SGI,KCIS,YUANTA_SECURITIES,KB_SECURITIES,SANGSANGIN_SECURITIES,HANYANG_SECURITIES,LEADING_SECURITIES,BNK_SECURITIES,IBK_SECURITIES,DAOL_SECURITIES,MIRAE_ASSET_SECURITIES,SAMSUNG_SECURITIES,KOREA_SECURITIES,NH_SECURITIES,KYOBO_SECURITIES,HI_SECURITIES,HYUNDAI_MOTOR_SECURITIES,KIWOOM_SECURITIES,EBEST_SECURITIES,SK_SECURITIES,DAISHIN_SECURITIES,HANHWA_SECURITIES,HANA_SECURITIES,TOSS_SECURITIES,SHINHAN_SECURITIES,DB_SECURITIES,EUGENE_SECURITIES,MERITZ_SECURITIES,KAKAO_PAY_SECURITIES,BOOKOOK_SECURITIES,SHINYOUNG_SECURITIES,CAPE_SECURITIES,KOREA_SECURITIES_FINANCE,KOREA_FOSS_SECURITIES,WOORI_INVESTMENT_BANK}';
begin
  missing := array_remove(array[
    case when coalesce(p_bank, '') = '' then 'refund_bank' end,
    case when coalesce(p_number, '') = '' then 'refund_account_number' end,
    case when coalesce(p_holder, '') = '' then 'refund_account_holder' end,
    case when needs_phone and coalesce(p_phone, '') = '' then 'refund_account_phone' end
  ], null);

  if method <> 'VIRTUAL_ACCOUNT' then
    if cardinality(missing) - needs_phone::integer = 3 and coalesce(p_phone, '') = '' then
      return;
    end if;
    if method <> 'MOBILE' then
      perform private.fail('422', 'REFUND_ACCOUNT_NOT_USED', 'This payment is refunded to where it came from; a bank account is not used.', 'refund_account_number', 'Leave the refund account out.');
    end if;
  end if;
  if cardinality(missing) > 0 then
    perform private.fail('422', 'REFUND_ACCOUNT_REQUIRED',
      format('A refund to a bank account needs %s.', array_to_string(missing, ', ')), missing[1],
      'Ask the customer for the account to refund to.', jsonb_build_object('fields', to_jsonb(missing)));
  end if;
  if p_bank <> all (banks) then
    perform private.fail('422', 'REFUND_BANK_UNKNOWN', 'refund_bank is not one of PortOne''s banks.', 'refund_bank', 'Send PortOne''s REST word, such as KOOKMIN, SHINHAN or KAKAO.');
  end if;
  if p_number !~ '^[0-9]{6,20}$' then
    perform private.fail('422', 'REFUND_ACCOUNT_NUMBER_INVALID', 'refund_account_number must be 6 to 20 digits.', 'refund_account_number', 'Digits only, without dashes.');
  end if;
  if char_length(p_holder) not between 1 and 50 or p_holder ~ '[[:cntrl:]]' then
    perform private.fail('422', 'REFUND_ACCOUNT_HOLDER_INVALID', 'refund_account_holder must be 1 to 50 characters.', 'refund_account_holder', 'The name the account is held under.');
  end if;
  if p_phone is not null and p_phone !~ '^[0-9]{8,15}$' then
    perform private.fail('422', 'REFUND_ACCOUNT_PHONE_INVALID', 'refund_account_phone must be 8 to 15 digits.', 'refund_account_phone', 'Digits only, like 01012345678.');
  end if;
end
$$;
comment on function private.check_refund_account(public.payments, text, text, text, text) is
  'Virtual accounts cannot be refunded to where they came from: bank, number and holder are required, for Smartro the phone number too. Other methods take none (mobile may, after its month).';
revoke all on function private.check_refund_account(public.payments, text, text, text, text) from public, anon, authenticated, service_role;

create function private.refund_tax_free(p_payment public.payments, p_amount integer, p_tax_free integer) returns integer
language plpgsql stable set search_path = ''
as $$
declare
  taken integer;
  left_over integer;
  tax_free integer;
begin
  select coalesce(sum(refunds.tax_free_amount), 0) into taken
  from public.payment_cancellations as refunds
  where refunds.payment_id = p_payment.payment_id and refunds.status <> 'failed';
  -- Never more than there is money: PortOne does not always tell how a cancellation from elsewhere was split.
  left_over := least(greatest(0, p_payment.tax_free_amount - taken), p_payment.cancellable_amount);
  tax_free := coalesce(p_tax_free, case
    when left_over = 0 then 0
    when p_amount = p_payment.cancellable_amount then least(left_over, p_amount)
  end);
  if tax_free is null then
    perform private.fail('422', 'TAX_FREE_AMOUNT_REQUIRED', 'This payment has a tax-free part: say how much of the refund is tax-free.', 'tax_free_amount',
      'Send 0 when none of it is.', jsonb_build_object('max', least(left_over, p_amount)));
  end if;
  if tax_free > least(left_over, p_amount) then
    perform private.fail('409', 'CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT',
      format('At most %s of this refund can be tax-free.', least(left_over, p_amount)), 'tax_free_amount', 'Send less.',
      jsonb_build_object('max', least(left_over, p_amount)));
  end if;
  if p_amount - tax_free > p_payment.cancellable_amount - left_over then
    perform private.fail('409', 'CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT',
      format('At most %s of this payment''s taxable part is left.', greatest(0, p_payment.cancellable_amount - left_over)), 'tax_free_amount',
      'More of the refund is tax-free.', jsonb_build_object('max', greatest(0, p_payment.cancellable_amount - left_over)));
  end if;
  return tax_free;
end
$$;
comment on function private.refund_tax_free(public.payments, integer, integer) is 'The tax-free part of a refund, minor units: as asked, or the only one possible; refused when the payment has less of either kind left.';
revoke all on function private.refund_tax_free(public.payments, integer, integer) from public, anon, authenticated, service_role;

create function private.check_cancellable(p_payment public.payments, p_amount integer) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if p_payment.status = 'cancelled' or (p_payment.paid_amount > 0 and p_payment.cancelled_amount = p_payment.paid_amount) then
    perform private.fail('409', 'PAYMENT_ALREADY_CANCELLED', 'This payment has been cancelled in full.', 'payment_id', 'There is nothing left to refund.');
  end if;
  if p_payment.paid_amount = 0 then
    perform private.fail('409', 'PAYMENT_NOT_PAID', format('This payment is %s; only a paid one can be refunded.', p_payment.status), 'payment_id', 'Wait for the payment, or let it expire.');
  end if;
  if p_amount is not null and p_amount <= 0 then
    perform private.fail('422', 'AMOUNT_NOT_POSITIVE', 'amount must be above 0.', 'amount', 'Leave it out to refund everything that is left.');
  end if;
  if coalesce(p_amount, 1) > p_payment.cancellable_amount then
    perform private.fail('409', 'CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT',
      format('%s was asked back, but only %s of %s can be refunded (%s refunded, %s being refunded).',
        coalesce(p_amount::text, 'Everything'), p_payment.cancellable_amount, p_payment.paid_amount, p_payment.cancelled_amount, p_payment.reserved_amount),
      'amount', format('Ask for at most %s.', p_payment.cancellable_amount),
      jsonb_build_object('max', p_payment.cancellable_amount, 'paid', p_payment.paid_amount, 'cancelled', p_payment.cancelled_amount, 'reserved', p_payment.reserved_amount));
  end if;
end
$$;
comment on function private.check_cancellable(public.payments, integer) is 'Whether this much (null: the rest) of a payment can be asked back now.';
revoke all on function private.check_cancellable(public.payments, integer) from public, anon, authenticated, service_role;

create function private.refund_deadline(p_payment public.payments) returns timestamptz
language sql stable set search_path = ''
return case
  when p_payment.pg_provider in ('KAKAOPAY', 'KAKAO') then p_payment.paid_at + interval '5 years'
  when p_payment.pg_provider in ('NAVERPAY', 'NAVERCO') then p_payment.paid_at + interval '1095 days'
  when p_payment.pg_provider in ('PAYPAL', 'PAYPAL_V2') then p_payment.paid_at + interval '180 days'
  when coalesce(p_payment.portone_pay_method, p_payment.pay_method) = 'MOBILE'
    then (date_trunc('month', p_payment.paid_at at time zone 'Asia/Seoul') + interval '1 month') at time zone 'Asia/Seoul'
  when coalesce(p_payment.portone_pay_method, p_payment.pay_method) = 'CARD' and p_payment.pg_provider = 'KSNET' then p_payment.paid_at + interval '6 months'
  when coalesce(p_payment.portone_pay_method, p_payment.pay_method) = 'CARD' then p_payment.paid_at + interval '1 year'
end;
comment on function private.refund_deadline(public.payments) is
  'Until when this payment''s method can be refunded, where that is known (PortOne help centre): cards a year (KSNET 6 months), mobile the calendar month in Korea, KakaoPay money 5 years, NaverPay 1,095 days, PayPal 180 days. Null: no deadline, or one only the PG knows.';
revoke all on function private.refund_deadline(public.payments) from public, anon, authenticated, service_role;

create function private.check_deadline(p_payment public.payments, p_has_account boolean, p_now timestamptz) returns void
language plpgsql stable set search_path = ''
as $$
declare
  deadline constant timestamptz := private.refund_deadline(p_payment);
  mobile constant boolean := coalesce(p_payment.portone_pay_method, p_payment.pay_method) = 'MOBILE';
  day constant text := to_char(deadline at time zone 'Asia/Seoul', 'YYYY-MM-DD');
begin
  if deadline is null or p_now < deadline then
    if mobile and p_has_account then
      perform private.fail('422', 'REFUND_ACCOUNT_NOT_USED', 'A mobile payment of this month is refunded to the phone bill; a bank account is used only from the next month on.', 'refund_account_number', 'Leave the refund account out.');
    end if;
    return;
  end if;
  if mobile and p_has_account then
    return;
  end if;
  if mobile then
    perform private.fail('422', 'REFUND_ACCOUNT_REQUIRED', 'A mobile payment of an earlier month is refunded to a bank account: refund_bank, refund_account_number and refund_account_holder are needed.',
      'refund_bank', 'Ask the customer for the account to refund to.',
      jsonb_build_object('fields', jsonb_build_array('refund_bank', 'refund_account_number', 'refund_account_holder'),
        'message_ko', '휴대폰 결제는 결제한 달이 지나면 은행 계좌로 환불됩니다. 환불 계좌를 입력해 주세요.'));
  end if;
  perform private.fail('409', 'CANCEL_DEADLINE_PASSED', format('This payment could be refunded until %s.', day), 'payment_id', 'Refund the customer by other means.',
    jsonb_build_object('deadline', private.iso(deadline), 'message_ko', format('이 결제는 %s까지만 취소할 수 있었습니다.', day)));
end
$$;
comment on function private.check_deadline(public.payments, boolean, timestamptz) is 'Refuses a refund the PG is known to refuse, early and with the reason in English and Korean.';
revoke all on function private.check_deadline(public.payments, boolean, timestamptz) from public, anon, authenticated, service_role;

create function private.request_cancellation(
  p_payment_id text, p_amount numeric, p_reason text, p_bank text, p_number text, p_holder text, p_phone text,
  p_idempotency_key text, p_tax_free_amount numeric
) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  wanted integer := private.amount_of(p_amount, 'amount');
  wanted_tax_free constant integer := private.amount_of(p_tax_free_amount, 'tax_free_amount');
  -- The request's hash can be read by whoever may read the operation: only what is shown anyway goes into it.
  request constant jsonb := jsonb_build_object('payment_id', p_payment_id, 'amount', wanted, 'reason', p_reason, 'tax_free_amount', wanted_tax_free,
    'account', jsonb_build_array(p_bank, private.masked(p_number)));
  operation public.payment_operations;
  payment public.payments;
  refund uuid;
begin
  payment := private.own_payment(me, p_payment_id);
  operation := private.start_operation(me, 'cancel_payment', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['payment:' || p_payment_id]);
  v_now := private.now();
  select * into payment from public.payments where payments.payment_id = p_payment_id for no key update;

  if not (me.is_admin or me.is_service or private.owner_may_cancel(payment)) then
    perform private.fail('403', 'CANCEL_NOT_ALLOWED', 'Only the shop can refund this payment.', 'payment_id', 'Ask the shop.');
  end if;
  if coalesce(btrim(p_reason), '') = '' or char_length(p_reason) > 200 or p_reason ~ '[[:cntrl:]]' then
    perform private.fail('422', 'REASON_REQUIRED', 'reason must be 1 to 200 characters.', 'reason', 'Say why; PortOne and the customer may see it.');
  end if;
  if payment.status = 'virtual_account_issued' then
    if wanted is not null and wanted <> payment.amount then
      perform private.fail('409', 'PAYMENT_NOT_PAID', 'Nothing was deposited yet: the virtual account can only be closed as a whole.', 'amount', 'Leave amount out.');
    end if;
    -- Remembered as the refund it was asked as: the same key finds it again, also once the account is closed.
    operation := private.add_operation(me, 'close_virtual_account', request, p_idempotency_key, v_now, p_payment_id, p_asked_as => 'cancel_payment');
    return private.enqueue_operation(operation, 'close_virtual_account', p_payment_id, '{}', v_now);
  end if;

  perform private.check_cancellable(payment, wanted);
  wanted := coalesce(wanted, payment.cancellable_amount);
  perform private.check_refund_account(payment, p_bank, p_number, p_holder, p_phone);
  perform private.check_deadline(payment, p_number is not null, v_now);

  operation := private.add_operation(me, 'cancel_payment', request, p_idempotency_key, v_now, p_payment_id);
  insert into public.payment_cancellations (
    payment_id, operation_id, requester, amount, held_amount, tax_free_amount, reason, refund_bank, refund_account_masked,
    status, created_at, updated_at
  )
  values (
    p_payment_id, operation.id, case when me.is_admin or me.is_service then 'admin' else 'customer' end, wanted, wanted,
    private.refund_tax_free(payment, wanted, wanted_tax_free), p_reason, p_bank, private.masked(p_number), 'reserved', v_now, v_now
  )
  returning id into refund;
  if p_number is not null then
    insert into private.refund_accounts (cancellation, bank, number, holder_name, holder_phone_number)
    values (refund, p_bank, p_number, p_holder, p_phone);
  end if;
  perform private.rebalance(p_payment_id, v_now);
  -- A money job ends by time, not by a count of failures.
  return private.enqueue_operation(operation, 'cancel_payment', p_payment_id, jsonb_build_object('cancellation', refund), v_now,
    null, v_now + private.money_budget());
end
$$;
comment on function private.request_cancellation(text, numeric, text, text, text, text, text, text, numeric) is
  'Checks a refund, holds its amount and enqueues it, under the payment''s lane lock.';
revoke all on function private.request_cancellation(text, numeric, text, text, text, text, text, text, numeric)
from public, anon, authenticated, service_role;
grant execute on function private.request_cancellation(text, numeric, text, text, text, text, text, text, numeric) to authenticated, service_role;

create function public.request_cancellation(
  payment_id text, amount numeric default null, reason text default null,
  refund_bank text default null, refund_account_number text default null, refund_account_holder text default null, refund_account_phone text default null,
  idempotency_key text default null, tax_free_amount numeric default null
) returns public.payment_operations
language sql set search_path = ''
as $$
  select private.request_cancellation(
    request_cancellation.payment_id, request_cancellation.amount, request_cancellation.reason, request_cancellation.refund_bank,
    request_cancellation.refund_account_number, request_cancellation.refund_account_holder, request_cancellation.refund_account_phone,
    request_cancellation.idempotency_key, request_cancellation.tax_free_amount
  )
$$;
comment on function public.request_cancellation(text, numeric, text, text, text, text, text, text, numeric) is
  'Asks to refund amount (minor units; null: everything left) of a payment. Admins and the service role; the owner only where private.owner_may_cancel says so. An unpaid virtual account is closed instead; a paid one needs the bank account to refund to. Errors: PAYMENT_ID_REQUIRED, PAYMENT_NOT_FOUND, CANCEL_NOT_ALLOWED, REASON_REQUIRED, PAYMENT_NOT_PAID, PAYMENT_ALREADY_CANCELLED, AMOUNT_NOT_WHOLE, AMOUNT_OUT_OF_RANGE, AMOUNT_NOT_POSITIVE, CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT, TAX_FREE_AMOUNT_REQUIRED, CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT, CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT, CANCEL_DEADLINE_PASSED, REFUND_ACCOUNT_REQUIRED, REFUND_ACCOUNT_NOT_USED, REFUND_BANK_UNKNOWN, REFUND_ACCOUNT_NUMBER_INVALID, REFUND_ACCOUNT_HOLDER_INVALID, REFUND_ACCOUNT_PHONE_INVALID, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.request_cancellation(text, numeric, text, text, text, text, text, text, numeric)
from public, anon, authenticated, service_role;
grant execute on function public.request_cancellation(text, numeric, text, text, text, text, text, text, numeric) to authenticated, service_role;
