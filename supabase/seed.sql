-- A small shop to try things in: two customers, an admin, orders that wait to be paid, and payments in every state.
-- For development only; `supabase db push` never runs it, `make up` does. Safe to run again.
-- Nothing here is a secret, and no card, account or key is real. The payments are made by the same functions the app and
-- the worker call, so every rule holds for them; no job is left that would ask PortOne about them.

insert into auth.users (id, email)
values
  ('11111111-1111-4111-8111-111111111111', 'minji@example.com'),
  ('22222222-2222-4222-8222-222222222222', 'jisoo@example.com'),
  ('99999999-9999-4999-8999-999999999999', 'admin@example.com')
on conflict (id) do nothing;

-- Orders 1 to 3 are open. What became of the others stands in their names.
insert into public.orders (id, user_id, order_name, total_amount, tax_free_amount, currency)
values
  ('aaaaaaaa-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'Hand drip kettle', 48000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000002', '11111111-1111-4111-8111-111111111111', 'Coffee beans and a book', 32000, 14000, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000003', '22222222-2222-4222-8222-222222222222', 'Mug', 12000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000004', '11111111-1111-4111-8111-111111111111', 'Filter papers (window left open)', 4000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000005', '11111111-1111-4111-8111-111111111111', 'Grinder (paid)', 89000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000006', '22222222-2222-4222-8222-222222222222', 'Two cups (one came broken, refunded)', 24000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000007', '22222222-2222-4222-8222-222222222222', 'Scale (sent back, refunded)', 55000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000008', '22222222-2222-4222-8222-222222222222', 'Espresso machine (card declined)', 990000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000009', '11111111-1111-4111-8111-111111111111', 'Server (waits for the deposit)', 38000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000010', '22222222-2222-4222-8222-222222222222', 'Beans (another amount was paid)', 18000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000011', '11111111-1111-4111-8111-111111111111', 'Dripper (refund under way)', 27000, 0, 'KRW')
on conflict (id) do nothing;

-- Saved cards as the worker stores them, without the keys that could be charged.
insert into public.billing_keys (
  id, user_id, issue_id, channel_key, pg_provider, card_issuer, card_brand, card_type, card_number_masked,
  card_expiry_month, card_expiry_year, nickname, is_default, is_active, issued_at, created_at, updated_at
)
values
  (
    'bbbbbbbb-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'seed-issue-1', 'channel-key-card', 'TOSSPAYMENTS',
    'SHINHAN_CARD', 'VISA', 'CREDIT', '433012******1234', 12, 2029, 'Everyday', true, true, now(), now(), now()
  ),
  (
    'bbbbbbbb-0000-4000-8000-000000000002', '11111111-1111-4111-8111-111111111111', 'seed-issue-2', 'channel-key-card', 'TOSSPAYMENTS',
    'KOOKMIN_CARD', 'MASTER', 'DEBIT', '516574******8877', 3, 2028, 'Travel', false, true, now(), now(), now()
  ),
  (
    'bbbbbbbb-0000-4000-8000-000000000003', '22222222-2222-4222-8222-222222222222', 'seed-issue-3', 'channel-key-card', 'TOSSPAYMENTS',
    'HYUNDAI_CARD', 'VISA', 'CREDIT', '402857******0042', 6, 2024, null, false, false, now(), now(), now()
  )
on conflict (id) do nothing;

-- From before PortOne V2, as the old code wrote it: the new columns are derived.
insert into public.payments (
  payment_id, user_id, order_id, order_name, amount, currency, status, pay_method, total_cancel_amount, paid_at, created_at, updated_at
)
values (
  'legacy-2024-0042', '22222222-2222-4222-8222-222222222222', 'legacy-order-42', 'Gift box', 60000, 'KRW', 'paid', 'CARD', 15000,
  '2024-12-24T05:00:00Z', '2024-12-24T04:58:00Z', '2024-12-27T01:00:00Z'
)
on conflict (payment_id) do nothing;

-- PortOne's payment, as the worker hands it over.
create function pg_temp.seed_snapshot(p_payment_id text, p_status text, p_total integer, p_more jsonb default '{}') returns jsonb
language sql volatile
return jsonb_build_object(
  'payment_id', p_payment_id, 'transaction_id', 'seed-tx-' || right(p_payment_id, 8),
  'store_id', 'store-5e1f0000-0000-4000-8000-000000000001', 'status', p_status,
  'requested_at', private.now() - interval '1 minute', 'updated_at', private.now(), 'status_changed_at', private.now(),
  'paid_at', case when p_status in ('PAID', 'PARTIAL_CANCELLED', 'CANCELLED') then private.now() end,
  'total', p_total, 'tax_free', 0, 'discount', 0, 'cancelled', 0, 'currency', 'KRW', 'order_name', 'seed',
  'channel_kind', 'TEST', 'channel_key', 'channel-key-card', 'pg_provider', 'TOSSPAYMENTS', 'pay_method', 'CARD',
  'disputes', '[]'::jsonb, 'cancellations', '[]'::jsonb
) || p_more;

-- What the worker does with the one job of a payment; jobs that are not of the seed are given back.
create function pg_temp.seed_work(p_payment_id text, p_outcome jsonb) returns void
language plpgsql
as $$
declare
  job record;
begin
  for job in select claimed.* from public.claim_jobs('seed', 500, 60) as claimed loop
    if job.payload ->> 'payment_id' is distinct from p_payment_id then
      perform public.release_jobs(array[jsonb_build_object('job_id', job.id, 'claim', job.claim)]);
      continue;
    end if;
    if job.kind = 'cancel_payment' then
      -- The body is never sent: the answer is in p_outcome.
      perform public.begin_attempts(array[jsonb_build_object('job_id', job.id, 'claim', job.claim, 'body', encode('seed', 'base64'))]);
    end if;
    perform public.settle_jobs(array[p_outcome || jsonb_build_object('job_id', job.id, 'claim', job.claim, 'verdict', 'done')]);
  end loop;
end
$$;

-- A webhook about a payment, delivered as often as p_times says.
create function pg_temp.seed_webhook(p_payment_id text, p_type text, p_times integer default 1) returns void
language sql
as $$
  select public.record_webhooks(array[jsonb_build_object(
    'webhook_id', 'seed-' || p_type || '-' || p_payment_id, 'webhook_type', p_type,
    'body', translate(encode(convert_to(jsonb_build_object('type', p_type, 'data', jsonb_build_object('paymentId', p_payment_id))::text, 'UTF8'), 'base64'), e'\n', ''),
    'headers', jsonb_build_object('webhook-id', 'seed-' || p_type || '-' || p_payment_id), 'secret_index', 0,
    'subject_kind', 'payment', 'subject_id', p_payment_id, 'provider_transaction_id', 'seed-tx-' || right(p_payment_id, 8)
  )])
  from generate_series(1, p_times)
$$;

do $$
<<seeding>>
declare
  real_offset constant interval := (select clock.clock_offset from private.clock);
  -- A webhook leaves its trace for ever: what was seeded once is not seeded again.
  seeded constant boolean := exists (select from public.webhook_logs where webhook_logs.webhook_id like 'seed-%');
  story record;
  operation public.payment_operations;
  id text;
  refund jsonb;
begin
  if seeded then
    return;
  end if;
  for story in
    select told.number, told.days_ago, told.method, told.status, told.refunded, told.refund_status, told.more, orders.id, orders.user_id, orders.total_amount
    from (
      values
        (4, 0, 'CARD', null, 0, null, '{}'),
        (5, 1, 'CARD', 'PAID', 0, null, '{}'),
        (6, 5, 'CARD', 'PARTIAL_CANCELLED', 12000, 'SUCCEEDED', '{}'),
        (7, 4, 'EASY_PAY', 'CANCELLED', 55000, 'SUCCEEDED', '{"pay_method": "EASY_PAY"}'),
        (8, 3, 'CARD', 'FAILED', 0, null, '{"failure": {"reason": "card declined", "pg_code": "REJECT_CARD_PAYMENT", "pg_message": "limit exceeded"}}'),
        (9, 0, 'VIRTUAL_ACCOUNT', 'VIRTUAL_ACCOUNT_ISSUED', 0, null, '{"pay_method": "VIRTUAL_ACCOUNT", "virtual_account": {"bank": "SHINHAN", "account_number": "00000000001234", "remittee_name": "Seed shop"}}'),
        (10, 2, 'CARD', 'PAID', 0, null, '{"total": 1800}'),
        (11, 1, 'CARD', 'PAID', 27000, 'REQUESTED', '{}')
    ) as told (number, days_ago, method, status, refunded, refund_status, more)
    join public.orders on orders.id = ('aaaaaaaa-0000-4000-8000-' || lpad(told.number::text, 12, '0'))::uuid
    order by told.days_ago desc, told.number
  loop
    update private.clock set clock_offset = real_offset - make_interval(days => story.days_ago, hours => 1);
    -- The customer asks,
    perform set_config('request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', story.user_id)::text, true);
    perform set_config('role', 'authenticated', true);
    operation := public.request_payment(story.id::text, story.method, 'seed-order-' || story.number);
    -- the worker registers the payment,
    perform set_config('role', 'service_role', true);
    select jobs.payload ->> 'payment_id' into id from public.claim_jobs('seed', 500, 60) as jobs where jobs.operation_id = operation.id;
    perform set_config('role', 'none', true);
    update queue.jobs set state = 'ready', lease_until = null, worker = null where jobs.worker = 'seed';
    perform set_config('role', 'service_role', true);
    perform pg_temp.seed_work(id, jsonb_build_object('prepared', jsonb_build_object(
      'store_id', 'store-5e1f0000-0000-4000-8000-000000000001', 'channel_key', 'channel-key-card', 'channel_kind', 'TEST', 'notice_urls', '[]'::jsonb
    )));
    perform set_config('role', 'none', true);
    update private.clock set clock_offset = clock_offset + interval '2 minutes';
    -- and PortOne tells what became of it.
    perform set_config('role', 'service_role', true);
    if story.status is not null then
      perform pg_temp.seed_webhook(id, case story.status
        when 'FAILED' then 'Transaction.Failed' when 'VIRTUAL_ACCOUNT_ISSUED' then 'Transaction.VirtualAccountIssued' else 'Transaction.Paid'
      end, case story.number when 5 then 2 else 1 end);
      perform pg_temp.seed_work(id, jsonb_build_object('snapshots', jsonb_build_array(pg_temp.seed_snapshot(
        id, case when story.refunded > 0 then 'PAID' else story.status end, story.total_amount, story.more::jsonb
      ))));
    end if;
    if story.refunded > 0 then
      -- An admin refunds.
      perform set_config('role', 'none', true);
      update private.clock set clock_offset = clock_offset + interval '30 minutes';
      perform set_config('request.jwt.claims', '{"role": "authenticated", "sub": "99999999-9999-4999-8999-999999999999", "app_metadata": {"role": "admin"}}', true);
      perform set_config('role', 'authenticated', true);
      perform public.request_cancellation(id, story.refunded, 'Customer asked', idempotency_key => 'seed-refund-' || story.number);
      perform set_config('role', 'service_role', true);
      refund := jsonb_build_object(
        'id', 'seed-cancellation-' || story.number, 'status', story.refund_status, 'amount', story.refunded, 'tax_free', 0, 'vat', 0,
        'reason', 'Customer asked', 'trigger', 'API', 'requested_at', private.now(),
        'cancelled_at', case story.refund_status when 'SUCCEEDED' then private.now() end
      );
      perform pg_temp.seed_work(id, jsonb_build_object(
        'attempt', jsonb_build_object('number', 1, 'outcome', lower(story.refund_status), 'cancellation_id', refund ->> 'id'),
        'snapshots', jsonb_build_array(pg_temp.seed_snapshot(id, story.status, story.total_amount, story.more::jsonb || jsonb_build_object(
          'cancelled', case story.refund_status when 'SUCCEEDED' then story.refunded else 0 end, 'cancellations', jsonb_build_array(refund)
        )))
      ));
    end if;
    perform set_config('role', 'none', true);
    -- What would look at these payments again later: PortOne knows none of them.
    delete from queue.jobs where jobs.lane = 'payment:' || seeding.id;
    insert into private.polls (payment_id, next_at) values (seeding.id, 'infinity');
  end loop;

  -- A payment somebody made in PortOne's console, and a webhook of a type nobody knows.
  update private.clock set clock_offset = real_offset - interval '6 hours';
  perform set_config('role', 'service_role', true);
  perform pg_temp.seed_webhook('seed-console-payment-1', 'Transaction.Paid');
  perform pg_temp.seed_work('seed-console-payment-1', jsonb_build_object('snapshots', jsonb_build_array(
    pg_temp.seed_snapshot('seed-console-payment-1', 'PAID', 7000, '{"order_name": "Taken over the phone"}')
  )));
  perform public.record_webhooks(array[jsonb_build_object(
    'webhook_id', 'seed-unknown-type', 'webhook_type', 'Something.New', 'body', encode('{}', 'base64'), 'secret_index', 0, 'skip_reason', 'unknown_type'
  )]);
  perform set_config('role', 'none', true);
  perform set_config('request.jwt.claims', '', true);
  update private.clock set clock_offset = real_offset;
end
$$;

drop function pg_temp.seed_webhook(text, text, integer);
drop function pg_temp.seed_work(text, jsonb);
drop function pg_temp.seed_snapshot(text, text, integer, jsonb);
