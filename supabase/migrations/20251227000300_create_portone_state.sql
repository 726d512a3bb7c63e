-- What PortOne last said about a payment, beside our own expectation of it. Catalogue changes only: the lock they need
-- keeps readers out, so what has to look at every payment stands in the next file.

alter table public.payments
  add column portone_status text,
  add column portone_pay_method text,
  add column status_changed_at timestamptz,
  add column portone_updated_at timestamptz,
  add column portone_cancelled bigint not null default 0,
  add column snapshot_digest text,
  add column detail_updated_at timestamptz,
  add column detail_digest text,
  add column store_id text,
  add column portone_store_id text,
  add column channel_key text,
  add column channel_kind text,
  add column pg_provider text,
  add column pg_tx_id text,
  add column receipt_url text,
  add column failure jsonb,
  add column failed_at timestamptz,
  add column virtual_account_bank text,
  add column virtual_account_number text,
  add column virtual_account_holder text,
  add column virtual_account_expires_at timestamptz,
  add column refund_status text,
  add column disputes jsonb not null default '[]',
  add column is_live boolean not null default false;

comment on column public.payments.store_id is 'The PortOne store this payment was prepared in: the expectation a snapshot is checked against.';
comment on column public.payments.portone_store_id is 'The PortOne store the payment was found in. Differs from store_id when a browser was made to pay elsewhere; its money can only be refunded there.';
comment on column public.payments.channel_kind is 'TEST or LIVE, as prepared: a test payment never fulfils a live order.';
comment on column public.payments.virtual_account_number is 'Full number until the deposit (the payer needs it), masked afterwards.';
comment on column public.payments.portone_pay_method is 'The method PortOne says was used; pay_method is the one that was asked for.';
comment on column public.payments.is_live is 'This payment holds its order''s place: open or paid, at most one per order.';
comment on column public.payments.snapshot_digest is 'Last tie-breaker of the order over snapshots, so that equal timestamps converge too.';

alter table public.payments
  add constraint payments_live_check check (
    not is_live or status in ('preparing', 'ready', 'pay_pending', 'virtual_account_issued', 'paid', 'partial_cancelled')
  ) not valid,
  add constraint payments_discrepancies_check check (
    discrepancies <@ array['amount', 'currency', 'store', 'channel_kind', 'order_already_paid']
  ) not valid,
  add constraint payments_legacy_total_check check (
    origin = 'legacy' or total_cancel_amount = cancelled_amount
  ) not valid;
