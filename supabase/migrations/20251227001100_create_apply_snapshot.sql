-- What PortOne says about a payment becomes what our rows say. The only way money columns change.
-- Any order, repetition or concurrency of the same snapshots ends in the same rows: the state is a maximum over a
-- total order, cancellations merge one by one, holds are recomputed from the rows alone.

create type private.snapshot as (
  payment_id text, transaction_id text, store_id text, status text,
  requested_at timestamptz, updated_at timestamptz, status_changed_at timestamptz,
  paid_at timestamptz, failed_at timestamptz, cancelled_at timestamptz,
  total numeric, tax_free numeric, discount numeric, cancelled numeric,
  currency text, order_name text, channel_kind text, channel_key text, pg_provider text, pg_tx_id text, pay_method text,
  virtual_account jsonb, failure jsonb, receipt_url text, disputes jsonb, cancellations jsonb,
  -- Not PortOne's: the kind of channel, LIVE or TEST, that the worker's shop runs.
  shop_kind text
);
create type private.snapshot_cancellation as (
  id text, status text, amount numeric, tax_free numeric, vat numeric, reason text, trigger text,
  requested_at timestamptz, cancelled_at timestamptz, pg_cancellation_id text, receipt_url text
);

-- What is called for every payment is plpgsql, which keeps its plan: a function in SQL is read and planned anew at each call.
create function private.status_of(p_portone_status text) returns public.payment_status
language plpgsql immutable set search_path = ''
as $$
begin
  return case p_portone_status
    when 'READY' then 'ready'
    when 'PAY_PENDING' then 'pay_pending'
    when 'VIRTUAL_ACCOUNT_ISSUED' then 'virtual_account_issued'
    when 'FAILED' then 'failed'
    when 'PAID' then 'paid'
    when 'PARTIAL_CANCELLED' then 'partial_cancelled'
    when 'CANCELLED' then 'cancelled'
    else 'unknown'
  end::public.payment_status;
end
$$;
comment on function private.status_of(text) is 'PortOne''s word for a payment''s state as ours; a word we do not know is unknown.';
revoke all on function private.status_of(text) from public, anon, authenticated, service_role;

create function private.is_settled(p_portone_status text) returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  return coalesce(p_portone_status in ('PAID', 'PARTIAL_CANCELLED', 'CANCELLED'), false);
end
$$;
comment on function private.is_settled(text) is 'Money has moved. There is no way back out of these states.';
revoke all on function private.is_settled(text) from public, anon, authenticated, service_role;

create type private.snapshot_order as (
  settled boolean, cancelled numeric, status_changed_at timestamptz, updated_at timestamptz, rank integer, digest text
);

create function private.snapshot_order(
  p_status text, p_cancelled numeric, p_status_changed_at timestamptz, p_updated_at timestamptz, p_digest text
) returns private.snapshot_order
language plpgsql immutable set search_path = ''
as $$
begin
  return row(
    private.is_settled(p_status),
    case when private.is_settled(p_status) then p_cancelled else 0 end,
    coalesce(p_status_changed_at, '-infinity'),
    coalesce(p_updated_at, '-infinity'),
    coalesce(array_position(
      array['READY', 'PAY_PENDING', 'FAILED', 'PAID', 'PARTIAL_CANCELLED', 'CANCELLED'],
      case p_status when 'VIRTUAL_ACCOUNT_ISSUED' then 'PAY_PENDING' else p_status end
    ), 0),
    p_digest collate "C"
  )::private.snapshot_order;
end
$$;
comment on function private.snapshot_order(text, numeric, timestamptz, timestamptz, text) is
  'Which snapshot is later: settled states first, more cancelled within them, then PortOne''s own times (statusChangedAt has whole seconds, so ties are normal), then the rank of the status, then the content itself.';
revoke all on function private.snapshot_order(text, numeric, timestamptz, timestamptz, text) from public, anon, authenticated, service_role;

create function private.refundable_base(p_snapshot private.snapshot) returns integer
language plpgsql immutable set search_path = ''
as $$
begin
  return private.amount_of(p_snapshot.total, 'snapshots.total');
end
$$;
comment on function private.refundable_base(private.snapshot) is
  'What a paid payment can give back at most: amount.total. Whether a discount lowers it is undocumented; this is the one place that decides. Never amount.paid, which is not zero on failed payments.';
revoke all on function private.refundable_base(private.snapshot) from public, anon, authenticated, service_role;

create function private.masked(p_number text) returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return regexp_replace(p_number, '.(?=.{4})', '*', 'g');
end
$$;
comment on function private.masked(text) is 'All but the last four characters hidden.';
revoke all on function private.masked(text) from public, anon, authenticated, service_role;

create function private.are_times(p_object jsonb, p_names text[]) returns boolean
language plpgsql immutable set search_path = ''
as $$
declare
  name text;
begin
  -- Not by the cast alone: it takes 'infinity', which would win for ever, and 'now'.
  foreach name in array p_names loop
    if p_object ->> name !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})$' then
      return false;
    end if;
  end loop;
  return true;
end
$$;
comment on function private.are_times(jsonb, text[]) is 'Whether these members of an object are RFC 3339 times or not there.';
revoke all on function private.are_times(jsonb, text[]) from public, anon, authenticated, service_role;

create function private.read_snapshot(p_snapshot jsonb) returns private.snapshot
language plpgsql immutable set search_path = ''
as $$
declare
  s private.snapshot;
begin
  begin
    s := jsonb_populate_record(null::private.snapshot, p_snapshot);
  exception when data_exception then
    perform private.fail('422', 'SNAPSHOT_UNREADABLE', 'A snapshot has a time or a number that cannot be read.', 'snapshots', 'Send RFC 3339 times and plain numbers.');
  end;
  if not private.are_times(p_snapshot, '{requested_at,updated_at,status_changed_at,paid_at,failed_at,cancelled_at}') then
    perform private.fail('422', 'SNAPSHOT_UNREADABLE', 'A snapshot has a time that is not of RFC 3339.', 'snapshots', 'Send times with their offset, like 2026-01-01T00:00:00Z.');
  end if;
  if s.payment_id is null or s.status is null or s.total is null or s.currency is null then
    perform private.fail('422', 'SNAPSHOT_INCOMPLETE', 'A snapshot needs payment_id, status, total and currency.', 'snapshots', 'Send PortOne''s payment as it was read.');
  end if;
  s.total := private.amount_of(s.total, 'snapshots.total');
  s.tax_free := private.amount_of(coalesce(s.tax_free, 0), 'snapshots.tax_free');
  s.cancelled := coalesce(s.cancelled, 0);
  if s.cancelled < 0 or s.cancelled <> trunc(s.cancelled) or s.cancelled > 9223372036854775807 then
    perform private.fail('422', 'AMOUNT_OUT_OF_RANGE', 'snapshots.cancelled must be a whole number, 0 or more.', 'snapshots.cancelled', 'Amounts are whole minor units of the currency.');
  end if;
  if jsonb_typeof(s.cancellations) is distinct from 'array' then
    s.cancellations := '[]';
  end if;
  if jsonb_typeof(s.disputes) is distinct from 'array' then
    s.disputes := '[]';
  end if;
  return s;
end
$$;
comment on function private.read_snapshot(jsonb) is 'A snapshot from outside as a value; refuses what cannot be read (SNAPSHOT_UNREADABLE, SNAPSHOT_INCOMPLETE, AMOUNT_OUT_OF_RANGE).';
revoke all on function private.read_snapshot(jsonb) from public, anon, authenticated, service_role;

create function private.time_of(p_text text) returns timestamptz
language plpgsql immutable set search_path = ''
as $$
begin
  if p_text is null then
    return null;
  end if;
  begin
    return p_text::timestamptz;
  exception when data_exception then
    return null;
  end;
end
$$;
comment on function private.time_of(text) is 'A time that is only shown, null when it cannot be read. RFC 3339 carries its offset, so the result does not depend on a setting.';
revoke all on function private.time_of(text) from public, anon, authenticated, service_role;

create function private.end_cancellation(
  p_id uuid, p_status public.cancellation_status, p_failure jsonb, p_payment_status public.payment_status, p_source text, p_now timestamptz
) returns void
language plpgsql set search_path = ''
as $$
declare
  ended public.payment_cancellations;
begin
  update public.payment_cancellations
  set status = p_status, failure = p_failure, held_amount = 0, updated_at = p_now
  where id = p_id and status not in ('succeeded', 'failed')
  returning * into ended;
  if not found then
    return;
  end if;
  -- Nothing of the bank details stays but the masked number.
  delete from private.refund_accounts where cancellation = p_id;
  update private.attempts
  set body = null, decided_at = coalesce(attempts.decided_at, p_now),
    outcome = case when attempts.decided_at is null then p_status::text else attempts.outcome end
  where attempts.operation_id = ended.operation_id and (attempts.decided_at is null or attempts.body is not null);
  perform private.append_event(ended.payment_id, 'cancellation_' || p_status, p_payment_status, p_payment_status,
    jsonb_build_object('cancellation', ended.id, 'cancellation_id', ended.cancellation_id, 'amount', ended.amount,
      'code', p_failure ->> 'code'), p_source, p_now);
  update public.payment_operations
  set
    status = case p_status when 'succeeded' then 'succeeded' else 'failed' end::public.operation_status,
    error = p_failure,
    result = jsonb_strip_nulls(jsonb_build_object('paymentId', ended.payment_id, 'cancellation', ended.id,
      'cancellationId', ended.cancellation_id, 'amount', ended.amount, 'status', p_status)),
    finished_at = p_now
  where id = ended.operation_id and finished_at is null;
  perform private.close_drift('undecided_cancellation', ended.id::text, p_status::text, p_now);
  perform private.close_drift('ambiguous_cancellation', ended.id::text, p_status::text, p_now);
  perform private.resolve_dead_job(ended.operation_id, p_now);
end
$$;
comment on function private.end_cancellation(uuid, public.cancellation_status, jsonb, public.payment_status, text, timestamptz) is
  'A refund has succeeded or failed for good: closes its attempt and operation, releases its hold, erases its bank details, adds an event. Nothing happens the second time. The caller balances the payment.';
revoke all on function private.end_cancellation(uuid, public.cancellation_status, jsonb, public.payment_status, text, timestamptz)
from public, anon, authenticated, service_role;

create function private.hold_refunds(p_payment_id text, p_room integer, p_now timestamptz, out reserved integer, out overtaken uuid[])
language plpgsql set search_path = ''
as $$
begin
  reserved := 0;
  if not exists (
    select from public.payment_cancellations as refunds
    where refunds.payment_id = p_payment_id and refunds.status in ('reserved', 'requested', 'unknown')
  ) then
    return;
  end if;
  -- What PortOne knows of holds first, then what is sent, then what is only asked for; the oldest first in each.
  -- A hold is what the ones before it leave, so it depends on the rows and not on how they came to be.
  with open_refunds as materialized (
    select
      refunds.id, refunds.amount, refunds.held_amount,
      sum(refunds.amount::bigint) over (
        order by refunds.cancellation_id is null, refunds.status = 'reserved', refunds.number
      ) - refunds.amount as before_it
    from public.payment_cancellations as refunds
    where refunds.payment_id = p_payment_id and refunds.status in ('reserved', 'requested', 'unknown')
  ),
  held as materialized (
    select
      open_refunds.id, open_refunds.held_amount as old_amount,
      greatest(0, least(open_refunds.amount, p_room - open_refunds.before_it))::integer as new_amount
    from open_refunds
  ),
  changed as (
    update public.payment_cancellations set held_amount = held.new_amount, updated_at = p_now
    from held
    where payment_cancellations.id = held.id and held.old_amount <> held.new_amount
  )
  select coalesce(sum(held.new_amount), 0)::integer, array_agg(held.id) filter (where held.new_amount < held.old_amount)
  into reserved, overtaken
  from held;
end
$$;
comment on function private.hold_refunds(text, integer, timestamptz) is
  'Gives every open refund of a payment what the ones before it leave of p_room (minor units). Returns the sum held and the refunds whose hold shrank.';
revoke all on function private.hold_refunds(text, integer, timestamptz) from public, anon, authenticated, service_role;

create function private.balance_payment(
  p_payment public.payments, p_is_news boolean, p_paid integer, p_cancelled integer, p_status public.payment_status, p_now timestamptz
) returns void
language plpgsql set search_path = ''
as $$
declare
  holds record;
  moves boolean;
begin
  holds := private.hold_refunds(p_payment.payment_id, p_paid - p_cancelled, p_now);
  moves := (p_payment.status, p_payment.paid_amount, p_payment.cancelled_amount, p_payment.reserved_amount, p_payment.total_cancel_amount)
    is distinct from (p_status, p_paid, p_cancelled, holds.reserved, p_cancelled);
  -- Everything at once: each update is a new version of the row, checked and indexed as a whole.
  update public.payments
  set
    portone_status = p_payment.portone_status,
    portone_pay_method = p_payment.portone_pay_method,
    status_changed_at = p_payment.status_changed_at,
    portone_updated_at = p_payment.portone_updated_at,
    portone_cancelled = p_payment.portone_cancelled,
    snapshot_digest = p_payment.snapshot_digest,
    provider_transaction_id = p_payment.provider_transaction_id,
    portone_store_id = p_payment.portone_store_id,
    pg_provider = p_payment.pg_provider,
    pg_tx_id = p_payment.pg_tx_id,
    failure = p_payment.failure,
    discrepancies = p_payment.discrepancies,
    detail_updated_at = p_payment.detail_updated_at,
    detail_digest = p_payment.detail_digest,
    receipt_url = p_payment.receipt_url,
    disputes = p_payment.disputes,
    refund_status = p_payment.refund_status,
    virtual_account_bank = p_payment.virtual_account_bank,
    virtual_account_holder = p_payment.virtual_account_holder,
    virtual_account_expires_at = p_payment.virtual_account_expires_at,
    virtual_account_number = p_payment.virtual_account_number,
    paid_at = p_payment.paid_at,
    failed_at = p_payment.failed_at,
    cancelled_at = p_payment.cancelled_at,
    status = p_status,
    is_live = is_live and p_status in ('preparing', 'ready', 'pay_pending', 'virtual_account_issued', 'paid', 'partial_cancelled'),
    paid_amount = p_paid,
    cancelled_amount = p_cancelled,
    total_cancel_amount = p_cancelled,
    reserved_amount = holds.reserved,
    cancellable_amount = p_paid - p_cancelled - holds.reserved,
    updated_at = case when moves then p_now else updated_at end
  where payments.payment_id = p_payment.payment_id and (p_is_news or moves);
  if holds.overtaken is not null then
    perform private.append_event(p_payment.payment_id, 'reservation_overtaken', p_status, p_status,
      jsonb_build_object('cancellations', to_jsonb(holds.overtaken), 'cancelled_amount', p_cancelled), 'portone', p_now);
  end if;
end
$$;
comment on function private.balance_payment(public.payments, boolean, integer, integer, public.payment_status, timestamptz) is
  'The one statement that writes a payment''s amounts and status, all of them at once, with the holds that fit; and what PortOne last said, out of p_payment, when p_is_news. The caller holds the lane and has locked the row p_payment was read from.';
revoke all on function private.balance_payment(public.payments, boolean, integer, integer, public.payment_status, timestamptz)
from public, anon, authenticated, service_role;
