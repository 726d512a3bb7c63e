-- Applying a snapshot, second half: cancellations, discrepancies, fulfilment, and the function that puts them together.

create function private.merge_cancellation(
  p_payment_id text, p_cancellation jsonb, p_payment_status public.payment_status, p_source text, p_now timestamptz
) returns void
language plpgsql set search_path = ''
as $$
declare
  c private.snapshot_cancellation;
  known public.payment_cancellations;
  ranks constant text[] := array['REQUESTED', 'FAILED', 'SUCCEEDED'];
  new_rank integer;
  ours public.cancellation_status;
  failure jsonb;
begin
  begin
    c := jsonb_populate_record(null::private.snapshot_cancellation, p_cancellation);
  exception when data_exception then
    perform private.fail('422', 'SNAPSHOT_UNREADABLE', 'A cancellation in a snapshot has a time or a number that cannot be read.', 'snapshots.cancellations', 'Send RFC 3339 times and plain numbers.');
  end;
  if not private.are_times(p_cancellation, '{requested_at,cancelled_at}') then
    perform private.fail('422', 'SNAPSHOT_UNREADABLE', 'A cancellation in a snapshot has a time that is not of RFC 3339.', 'snapshots.cancellations', 'Send times with their offset, like 2026-01-01T00:00:00Z.');
  end if;
  if coalesce(char_length(c.id), 0) not between 1 and 255 or c.status is null then
    perform private.fail('422', 'SNAPSHOT_INCOMPLETE', 'A cancellation in a snapshot needs id (at most 255 characters) and status.', 'snapshots.cancellations', 'Send PortOne''s payment as it was read.');
  end if;
  c.amount := private.amount_of(coalesce(c.amount, 0), 'snapshots.cancellations.amount');
  c.tax_free := private.amount_of(coalesce(c.tax_free, 0), 'snapshots.cancellations.tax_free');
  c.vat := private.amount_of(c.vat, 'snapshots.cancellations.vat');
  new_rank := coalesce(array_position(ranks, c.status), 0);
  ours := case c.status when 'SUCCEEDED' then 'succeeded' when 'FAILED' then 'failed' else 'requested' end;

  failure := case
    when ours = 'failed' and p_source = 'stop_cancellation' then jsonb_build_object('code', 'CANCELLATION_STOPPED', 'message', 'This refund was stopped before it was carried out.')
    when ours = 'failed' then jsonb_build_object('code', 'CANCELLATION_FAILED', 'message', 'PortOne reports that this cancellation failed.')
  end;

  select * into known
  from public.payment_cancellations as refunds
  where refunds.payment_id = p_payment_id and refunds.cancellation_id = c.id;

  if not found then
    insert into public.payment_cancellations (
      payment_id, requester, amount, tax_free_amount, vat_amount, reason, cancellation_id, pg_cancellation_id,
      portone_status, trigger, status, failure, requested_at, cancelled_at, receipt_url, created_at, updated_at
    )
    values (
      p_payment_id, 'portone', c.amount, least(c.amount, c.tax_free), c.vat, coalesce(c.reason, ''), c.id, c.pg_cancellation_id,
      c.status, c.trigger, ours, failure, c.requested_at, c.cancelled_at, c.receipt_url, p_now, p_now
    );
    perform private.append_event(p_payment_id, 'cancellation_' || ours, p_payment_status, p_payment_status,
      jsonb_build_object('cancellation_id', c.id, 'amount', c.amount, 'trigger', c.trigger), p_source, p_now);
    return;
  end if;

  if known.operation_id is not null and c.amount <> known.amount and p_cancellation ->> 'amount' is not null then
    -- The sums come from PortOne's total and stay right; which refund this was needs a person.
    perform private.open_drift('cancellation_amount_differs', known.id::text, jsonb_build_object(
      'payment_id', p_payment_id, 'cancellation_id', c.id, 'amount', known.amount, 'portone_amount', c.amount), p_now);
  end if;

  -- greatest() ignores nulls and the order in which snapshots come.
  update public.payment_cancellations
  set
    portone_status = case when new_rank >= coalesce(array_position(ranks, known.portone_status), 0) then c.status else known.portone_status end,
    pg_cancellation_id = greatest(known.pg_cancellation_id, c.pg_cancellation_id),
    trigger = greatest(known.trigger, c.trigger),
    vat_amount = greatest(known.vat_amount, c.vat::integer),
    requested_at = greatest(known.requested_at, c.requested_at),
    cancelled_at = greatest(known.cancelled_at, c.cancelled_at),
    receipt_url = greatest(known.receipt_url, c.receipt_url)
  where payment_cancellations.id = known.id
    and (known.portone_status, known.pg_cancellation_id, known.trigger, known.vat_amount, known.requested_at, known.cancelled_at, known.receipt_url)
    is distinct from (
      case when new_rank >= coalesce(array_position(ranks, known.portone_status), 0) then c.status else known.portone_status end,
      greatest(known.pg_cancellation_id, c.pg_cancellation_id), greatest(known.trigger, c.trigger),
      greatest(known.vat_amount, c.vat::integer), greatest(known.requested_at, c.requested_at),
      greatest(known.cancelled_at, c.cancelled_at), greatest(known.receipt_url, c.receipt_url)
    );

  if known.status = 'failed' and ours = 'succeeded' then
    -- SUCCEEDED outranks FAILED: PortOne's later word stands.
    update public.payment_cancellations set status = 'succeeded', failure = null, updated_at = p_now where id = known.id;
    perform private.append_event(p_payment_id, 'cancellation_succeeded', p_payment_status, p_payment_status,
      jsonb_build_object('cancellation', known.id, 'cancellation_id', c.id, 'amount', known.amount), p_source, p_now);
  elsif ours in ('succeeded', 'failed') then
    perform private.end_cancellation(known.id, ours, failure, p_payment_status, p_source, p_now);
  end if;
end
$$;
comment on function private.merge_cancellation(text, jsonb, public.payment_status, text, timestamptz) is
  'One of PortOne''s cancellations into ours, by PortOne''s id: REQUESTED < FAILED < SUCCEEDED, never back. One we never asked for becomes a row of requester portone.';
revoke all on function private.merge_cancellation(text, jsonb, public.payment_status, text, timestamptz)
from public, anon, authenticated, service_role;

create function private.discrepancies_of(p_payment public.payments, s private.snapshot) returns text[]
language plpgsql stable set search_path = ''
as $$
declare
  differences text[] := '{}';
  is_settled constant boolean := private.is_settled(s.status);
begin
  -- in the order of their names
  if is_settled and p_payment.origin <> 'portone'
    and (s.total <> p_payment.amount or (p_payment.origin = 'app' and s.tax_free <> p_payment.tax_free_amount)) then
    differences := differences || text 'amount';
  end if;
  -- One of ours that was never registered has no channel and no store to compare with: paid all the same, it proves nothing.
  if is_settled and (case
    when p_payment.channel_kind is null then p_payment.origin = 'app'
    else s.channel_kind is distinct from p_payment.channel_kind
      -- A window or a schedule of the time before the shop went live: no money, whatever was expected then.
      or (p_payment.origin = 'app' and s.channel_kind is distinct from coalesce(s.shop_kind, s.channel_kind))
  end) then
    differences := differences || text 'channel_kind';
  end if;
  if is_settled and p_payment.origin <> 'portone' and s.currency is distinct from p_payment.currency then
    differences := differences || text 'currency';
  end if;
  if 'order_already_paid' = any (p_payment.discrepancies) then
    differences := differences || text 'order_already_paid';
  end if;
  if is_settled and (case
    when p_payment.store_id is null then p_payment.origin = 'app'
    else s.store_id is distinct from p_payment.store_id
  end) then
    differences := differences || text 'store';
  end if;
  return differences;
end
$$;
comment on function private.discrepancies_of(public.payments, private.snapshot) is
  'Where PortOne''s payment differs from what was expected. Anything here keeps the order from being fulfilled.';
revoke all on function private.discrepancies_of(public.payments, private.snapshot) from public, anon, authenticated, service_role;

create function private.fulfil_orders(p_payment_ids text[], p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  payment public.payments;
  winner text;
begin
  -- Sorted by order: two calls that settle the same orders meet in the same sequence.
  for payment in
    select payments.* from public.payments
    where payments.payment_id = any (p_payment_ids)
      and payments.origin = 'app' and payments.order_id is not null
      and payments.status in ('paid', 'partial_cancelled')
      and payments.discrepancies = '{}'
    order by payments.order_id, payments.payment_id
  loop
    insert into private.order_settlements (order_id, payment_id, settled_at)
    values (payment.order_id, payment.payment_id, p_now)
    on conflict do nothing;
    if found then
      perform private.settle_order(payment.order_id, payment.payment_id);
      perform private.append_event(payment.payment_id, 'order_settled', payment.status, payment.status,
        jsonb_build_object('order_id', payment.order_id), 'database', p_now);
      continue;
    end if;
    select settled.payment_id into winner from private.order_settlements as settled where settled.order_id = payment.order_id;
    if winner <> payment.payment_id then
      update public.payments set discrepancies = array['order_already_paid'], is_live = false, updated_at = p_now
      where payments.payment_id = payment.payment_id;
      perform private.append_event(payment.payment_id, 'discrepancy_found', payment.status, payment.status,
        jsonb_build_object('discrepancies', jsonb_build_array('order_already_paid'), 'paid_by', winner), 'database', p_now);
      perform private.open_drift('discrepancy', payment.payment_id,
        jsonb_build_object('discrepancies', jsonb_build_array('order_already_paid'), 'paid_by', winner), p_now);
    end if;
  end loop;
end
$$;
comment on function private.fulfil_orders(text[], timestamptz) is
  'Settles the orders of these payments where the payment is proven and nobody settled the order before. A second paid payment of an order becomes order_already_paid. Last step of a transaction.';
revoke all on function private.fulfil_orders(text[], timestamptz) from public, anon, authenticated, service_role;

create function private.note_disputes(
  p_payment_id text, p_before jsonb, p_after jsonb, p_status public.payment_status, p_source text, p_now timestamptz
) returns void
language plpgsql set search_path = ''
as $$
declare
  open_before constant boolean := p_before @> '[{"status": "UNRESOLVED"}]';
  open_after constant boolean := p_after @> '[{"status": "UNRESOLVED"}]';
begin
  if open_after and not open_before then
    perform private.append_event(p_payment_id, 'dispute_opened', p_status, p_status, jsonb_build_object('disputes', jsonb_array_length(p_after)), p_source, p_now);
    perform private.open_drift('dispute', p_payment_id, jsonb_build_object('disputes', jsonb_array_length(p_after)), p_now);
  elsif open_before and not open_after then
    perform private.append_event(p_payment_id, 'dispute_resolved', p_status, p_status, '{}', p_source, p_now);
    perform private.close_drift('dispute', p_payment_id, 'resolved', p_now);
  end if;
end
$$;
comment on function private.note_disputes(text, jsonb, jsonb, public.payment_status, text, timestamptz) is
  'A customer disputes a payment at their card company, or the dispute has ended: an event, and a finding while it is open.';
revoke all on function private.note_disputes(text, jsonb, jsonb, public.payment_status, text, timestamptz)
from public, anon, authenticated, service_role;

create function private.apply_snapshot(p_snapshot jsonb, p_source text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  s private.snapshot := private.read_snapshot(p_snapshot);
  payment public.payments;
  seen public.payments;
  digest constant text := encode(sha256(convert_to((p_snapshot - 'payment_id' - 'shop_kind')::text, 'UTF8')), 'hex');
  wins boolean;
  detail_wins boolean;
  new_status public.payment_status;
  new_paid integer;
  new_cancelled integer;
  new_discrepancies text[];
  element jsonb;
begin
  select * into payment from public.payments where payments.payment_id = s.payment_id for no key update;
  if not found then
    insert into public.payments (
      payment_id, order_name, amount, tax_free_amount, currency, status, origin, store_id, total_cancel_amount, created_at, updated_at
    )
    values (
      s.payment_id, s.order_name, s.total::integer, least(s.total, s.tax_free)::integer, s.currency, 'unknown', 'portone', s.store_id, 0, p_now, p_now
    )
    returning * into payment;
    perform private.open_drift('missing_here', s.payment_id, jsonb_build_object('status', s.status, 'total', s.total), p_now);
  end if;

  wins := payment.portone_status is null
    or private.snapshot_order(s.status, s.cancelled, s.status_changed_at, s.updated_at, digest)
    > private.snapshot_order(payment.portone_status, payment.portone_cancelled, payment.status_changed_at, payment.portone_updated_at, payment.snapshot_digest);
  detail_wins := payment.detail_digest is null
    or (coalesce(s.updated_at, '-infinity'), digest collate "C") > (coalesce(payment.detail_updated_at, '-infinity'), payment.detail_digest collate "C");

  if wins then
    new_status := private.status_of(s.status);
    new_paid := case when private.is_settled(s.status) then private.refundable_base(s) else 0 end;
    new_cancelled := case when private.is_settled(s.status) then least(s.cancelled, new_paid)::integer else 0 end;
    new_discrepancies := private.discrepancies_of(payment, s);
    if private.is_settled(s.status) and s.cancelled > new_paid then
      perform private.open_drift('cancelled_exceeds_total', s.payment_id, jsonb_build_object('cancelled', s.cancelled, 'total', s.total), p_now);
    end if;
  else
    new_status := payment.status;
    new_paid := payment.paid_amount;
    new_cancelled := payment.cancelled_amount;
    new_discrepancies := payment.discrepancies;
  end if;

  if s.cancellations <> '[]' then
    for element in select value from jsonb_array_elements(s.cancellations) order by value ->> 'id' loop
      perform private.merge_cancellation(s.payment_id, element, new_status, p_source, p_now);
    end loop;
  end if;

  seen := payment;
  if wins then
    seen.portone_status := s.status;
    seen.portone_pay_method := s.pay_method;
    seen.status_changed_at := s.status_changed_at;
    seen.portone_updated_at := s.updated_at;
    seen.portone_cancelled := s.cancelled::bigint;
    seen.snapshot_digest := digest;
    seen.provider_transaction_id := s.transaction_id;
    seen.portone_store_id := s.store_id;
    seen.pg_provider := s.pg_provider;
    seen.pg_tx_id := s.pg_tx_id;
    seen.failure := s.failure;
    seen.discrepancies := new_discrepancies;
    seen.virtual_account_bank := s.virtual_account ->> 'bank';
    seen.virtual_account_holder := s.virtual_account ->> 'remittee_name';
    seen.virtual_account_expires_at := private.time_of(s.virtual_account ->> 'expired_at');
    seen.virtual_account_number := case
      when new_status = 'virtual_account_issued' then s.virtual_account ->> 'account_number'
      else private.masked(s.virtual_account ->> 'account_number')
    end;
  end if;
  if detail_wins then
    seen.detail_updated_at := s.updated_at;
    seen.detail_digest := digest;
    seen.receipt_url := s.receipt_url;
    seen.disputes := s.disputes;
    seen.refund_status := s.virtual_account ->> 'refund_status';
  end if;
  seen.paid_at := least(payment.paid_at, s.paid_at);
  seen.failed_at := greatest(payment.failed_at, s.failed_at);
  seen.cancelled_at := greatest(payment.cancelled_at, s.cancelled_at);
  perform private.balance_payment(seen,
    wins or detail_wins
    or (seen.paid_at, seen.failed_at, seen.cancelled_at) is distinct from (payment.paid_at, payment.failed_at, payment.cancelled_at),
    new_paid, new_cancelled, new_status, p_now);

  if wins and new_status <> payment.status then
    perform private.append_event(s.payment_id, 'status_changed', payment.status, new_status,
      jsonb_build_object('transaction_id', s.transaction_id, 'total', s.total, 'cancelled', s.cancelled, 'currency', s.currency,
        'status_changed_at', private.iso(s.status_changed_at), 'pg_code', s.failure ->> 'pg_code'), p_source, p_now);
  end if;
  if wins and new_discrepancies <> payment.discrepancies and new_discrepancies <> '{}' then
    perform private.append_event(s.payment_id, 'discrepancy_found', new_status, new_status,
      jsonb_build_object('discrepancies', to_jsonb(new_discrepancies), 'expected', payment.amount, 'total', s.total, 'currency', s.currency,
        'channel_kind', s.channel_kind, 'store_id', s.store_id), p_source, p_now);
    perform private.open_drift('discrepancy', s.payment_id, jsonb_build_object('discrepancies', to_jsonb(new_discrepancies)), p_now);
  end if;
  if detail_wins and s.disputes <> payment.disputes then
    perform private.note_disputes(s.payment_id, payment.disputes, s.disputes, new_status, p_source, p_now);
  end if;
end
$$;
comment on function private.apply_snapshot(jsonb, text, timestamptz) is
  'Makes a payment, its cancellations and its holds what PortOne says, unless a later snapshot was applied already. The caller holds the lane and calls fulfil_orders last. Refuses SNAPSHOT_UNREADABLE, SNAPSHOT_INCOMPLETE, AMOUNT_OUT_OF_RANGE.';
revoke all on function private.apply_snapshot(jsonb, text, timestamptz) from public, anon, authenticated, service_role;
