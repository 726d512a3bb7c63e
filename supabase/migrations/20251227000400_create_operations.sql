-- What a user, an admin or the shop's server asked for, and how it ended.

create type public.operation_kind as enum (
  'prepare_payment', 'complete_payment', 'confirm_payment', 'cancel_payment', 'stop_cancellation', 'close_virtual_account',
  'charge_billing_key', 'create_schedule', 'revoke_schedule', 'register_billing_key', 'delete_billing_key', 'complete_identity'
);
create type public.operation_status as enum ('pending', 'succeeded', 'failed');

create table public.payment_operations (
  id uuid primary key default gen_random_uuid(),
  kind public.operation_kind not null,
  status public.operation_status not null default 'pending',
  payment_id text references public.payments (payment_id) on delete restrict,
  order_id text,
  requested_by uuid references auth.users (id) on delete set null,
  requester_scope text not null,
  idempotency_key text,
  request_hash text not null,
  job_id bigint,
  result jsonb,
  error jsonb,
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint payment_operations_idempotency_key_check check (char_length(idempotency_key) between 8 and 200),
  constraint payment_operations_finished_check check ((status = 'pending') = (finished_at is null))
);
comment on table public.payment_operations is
  'One row per request that needs PortOne. Clients wait for status to leave pending. payment_id stays empty while a payment is being prepared: its id is not to be seen before pre-registration.';
comment on column public.payment_operations.requester_scope is 'The user''s id, or service_role: idempotency keys belong to one requester.';

create unique index payment_operations_idempotency_key on public.payment_operations (requester_scope, idempotency_key) where idempotency_key is not null;
comment on index public.payment_operations_idempotency_key is 'The same key from the same requester is the same operation.';
create index payment_operations_pending_idx on public.payment_operations (job_id) where status = 'pending';
comment on index public.payment_operations_pending_idx is
  'settle_jobs: the operations that wait for a job. Who looks for one by its id asks for finished_at is null, which says the same (payment_operations_finished_check): with status = pending a planner that saw few of them takes all of this index for as good as the primary key.';
create index payment_operations_payment_id_idx on public.payment_operations (payment_id) where payment_id is not null;
comment on index public.payment_operations_payment_id_idx is 'What was asked of one payment; foreign key.';
create index payment_operations_requested_by_idx on public.payment_operations (requested_by, created_at desc);
comment on index public.payment_operations_requested_by_idx is 'RLS: a user''s own requests; foreign key.';
create index payment_operations_order_id_idx on public.payment_operations (order_id, created_at desc) where kind = 'prepare_payment';
comment on index public.payment_operations_order_id_idx is 'request_payment: the request that is already under way for an order.';

alter table public.payment_operations enable row level security;
revoke all on public.payment_operations from public, anon, authenticated, service_role;
grant select on public.payment_operations to authenticated, service_role;
create policy payment_operations_select_own on public.payment_operations for select to authenticated
using (
  requested_by between (select private.first_visible_user()) and (select private.last_visible_user())
  or (requested_by is null and (select private.is_admin()))
);
