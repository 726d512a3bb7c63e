-- Every refund from the moment it is reserved, whoever asked for it.

create type public.cancellation_status as enum ('reserved', 'requested', 'unknown', 'failed', 'succeeded');

create table public.payment_cancellations (
  id uuid primary key default gen_random_uuid(),
  number bigint generated always as identity,
  payment_id text not null references public.payments (payment_id) on delete restrict,
  operation_id uuid references public.payment_operations (id) on delete restrict,
  requester text not null,
  amount integer not null,
  held_amount integer not null default 0,
  tax_free_amount integer not null default 0,
  vat_amount integer,
  reason text not null,
  refund_bank text,
  refund_account_masked text,
  cancellation_id text,
  pg_cancellation_id text,
  portone_status text,
  trigger text,
  status public.cancellation_status not null,
  failure jsonb,
  sent_at timestamptz,
  requested_at timestamptz,
  cancelled_at timestamptz,
  receipt_url text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint payment_cancellations_amount_check check (amount > 0 or operation_id is null),
  constraint payment_cancellations_hold_check check (held_amount between 0 and amount),
  constraint payment_cancellations_hold_is_open_check check (held_amount = 0 or status in ('reserved', 'requested', 'unknown')),
  constraint payment_cancellations_tax_free_check check (tax_free_amount between 0 and amount),
  constraint payment_cancellations_requester_check check (requester in ('customer', 'admin', 'portone')),
  constraint payment_cancellations_masked_check check (refund_account_masked !~ '[0-9]{7,}')
);
comment on table public.payment_cancellations is
  'Refunds: held before PortOne is called (reserved), sent (requested), undecided (unknown), ended (succeeded, failed). requester = portone: from the console or a chargeback, learned by reading back.';
comment on column public.payment_cancellations.held_amount is 'How much of the payment this refund keeps others from taking. Shrinks, youngest first, when PortOne''s own figures leave less.';
comment on column public.payment_cancellations.number is 'Age within the table: who holds first.';
comment on column public.payment_cancellations.cancellation_id is 'PortOne''s id, once known.';

create unique index payment_cancellations_cancellation_id_key on public.payment_cancellations (payment_id, cancellation_id) where cancellation_id is not null;
comment on index public.payment_cancellations_cancellation_id_key is 'Merging PortOne''s cancellations one by one.';
create unique index payment_cancellations_undecided_key on public.payment_cancellations (payment_id)
where status in ('requested', 'unknown') and cancellation_id is null;
comment on index public.payment_cancellations_undecided_key is 'At most one sent, undecided cancellation per payment.';
create index payment_cancellations_payment_id_idx on public.payment_cancellations (payment_id, number);
comment on index public.payment_cancellations_payment_id_idx is 'Refunds of one payment in order; foreign key.';
create index payment_cancellations_operation_id_idx on public.payment_cancellations (operation_id) where operation_id is not null;
comment on index public.payment_cancellations_operation_id_idx is 'The refund an operation made; foreign key.';

alter table public.payment_cancellations enable row level security;
revoke all on public.payment_cancellations from public, anon, authenticated, service_role;
revoke all on sequence public.payment_cancellations_number_seq from public, anon, authenticated, service_role;
grant select on public.payment_cancellations to authenticated, service_role;
create policy payment_cancellations_select_own on public.payment_cancellations for select to authenticated
using (
  (select private.is_admin())
  -- Whoever sees the payment: its own policy says who that is, and is applied here. To say it again would make the planner
  -- gather all of a user's payments to look at one.
  or exists (select from public.payments where payments.payment_id = payment_cancellations.payment_id)
);

-- The bank details of a refund until it has ended: after a definite refusal (a balance that changed, a wrong secret)
-- a new attempt with a new body is sent, and needs them again.
create table private.refund_accounts (
  cancellation uuid primary key references public.payment_cancellations (id) on delete cascade,
  bank text not null,
  number text not null,
  holder_name text not null,
  holder_phone_number text
);
comment on table private.refund_accounts is 'Bank details of a refund until it has ended, in whatever way; then they are erased, the sealed request with them.';
alter table private.refund_accounts enable row level security;
revoke all on private.refund_accounts from public, anon, authenticated, service_role;
