-- PortOne V2, first of three files: new columns with constant defaults (no rewrite, no scan),
-- money constraints not yet validated, webhook_logs, billing_keys, RLS.
-- Old application code keeps writing the old columns; the trigger payments_legacy_amounts derives the new ones.

create schema if not exists private;
comment on schema private is 'Checked function bodies, helpers and secrets. Never exposed over the API.';
revoke all on schema private from public, anon, authenticated, service_role;
grant usage on schema private to authenticated, service_role;

-- What policies call is plpgsql: a function in SQL is read and planned anew by each statement that calls it, which took
-- longer than the page itself.
create function private.is_admin() returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(auth.jwt() -> 'app_metadata' ->> 'role', '') = 'admin';
end
$$;
comment on function private.is_admin() is
  'True when the caller''s JWT carries app_metadata.role = admin. app_metadata is set by the server only; user_metadata is never trusted.';
revoke all on function private.is_admin() from public, anon, authenticated, service_role;
grant execute on function private.is_admin() to authenticated, service_role;

create function private.first_visible_user() returns uuid
language plpgsql stable set search_path = ''
as $$
declare
  -- read once: taking a token apart is most of what this costs
  claims constant jsonb := auth.jwt();
begin
  return case
    when claims -> 'app_metadata' ->> 'role' = 'admin' then '00000000-0000-0000-0000-000000000000'
    else claims ->> 'sub'
  end::uuid;
end
$$;
comment on function private.first_visible_user() is
  'RLS: rows are visible from this user to private.last_visible_user(): oneself, or everybody for an admin; null for nobody. As a range, because "mine or I am admin" finds no index: a page without a filter would read the whole table.';
revoke all on function private.first_visible_user() from public, anon, authenticated, service_role;
grant execute on function private.first_visible_user() to authenticated, service_role;

create function private.last_visible_user() returns uuid
language plpgsql stable set search_path = ''
as $$
declare
  claims constant jsonb := auth.jwt();
begin
  return case
    when claims -> 'app_metadata' ->> 'role' = 'admin' then 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    else claims ->> 'sub'
  end::uuid;
end
$$;
comment on function private.last_visible_user() is 'RLS: the other end of private.first_visible_user().';
revoke all on function private.last_visible_user() from public, anon, authenticated, service_role;
grant execute on function private.last_visible_user() to authenticated, service_role;

create type public.payment_status as enum (
  'preparing', 'ready', 'pay_pending', 'virtual_account_issued', 'paid',
  'failed', 'partial_cancelled', 'cancelled', 'expired', 'unknown'
);
create type public.payment_origin as enum ('app', 'legacy', 'portone');
create type public.webhook_status as enum ('received', 'processed', 'failed', 'skipped');

-- payments -----------------------------------------------------------------------------------

alter table public.payments
  add column cancelled_amount integer not null default 0,
  add column cancellable_amount integer not null default 0,
  add column paid_amount integer not null default 0,
  add column reserved_amount integer not null default 0,
  add column tax_free_amount integer not null default 0,
  add column discrepancies text[] not null default '{}',
  add column origin public.payment_origin not null default 'legacy',
  -- becomes `status` in the validate file; until then readers keep the old text column
  add column next_status public.payment_status;

alter table public.payments
  add constraint payments_amounts_balance_check
  check (paid_amount = cancelled_amount + reserved_amount + cancellable_amount) not valid,
  add constraint payments_amounts_not_negative_check
  check (cancelled_amount >= 0 and reserved_amount >= 0 and cancellable_amount >= 0) not valid,
  add constraint payments_amount_check
  check (amount is not null and amount >= 0 and tax_free_amount between 0 and amount) not valid,
  add constraint payments_status_not_null_check
  check (next_status is not null) not valid;

comment on column public.payments.cancelled_amount is 'What PortOne has cancelled or refunded so far, minor units.';
comment on column public.payments.cancellable_amount is 'What may still be asked back: paid_amount - cancelled_amount - reserved_amount, minor units.';
comment on column public.payments.paid_amount is 'PortOne amount.total while PAID, PARTIAL_CANCELLED or CANCELLED, else 0, minor units.';
comment on column public.payments.reserved_amount is 'Held by refunds that are asked for and not decided, minor units.';
comment on column public.payments.discrepancies is 'Why this payment must not fulfil its order: amount, currency, store, channel_kind, order_already_paid. Empty when all is proven.';
comment on column public.payments.origin is 'app: made by request_payment; legacy: from before PortOne V2; portone: known only from PortOne.';

-- One row in, the new columns out: used by the trigger here and by the backfill file.
create function private.legacy_amounts(
  p_status text, p_amount integer, p_total_cancel_amount integer,
  out status public.payment_status, out paid_amount integer, out cancelled_amount integer
)
-- plpgsql, because the backfill calls it for every payment: a third of the time of an SQL function.
language plpgsql immutable set search_path = ''
as $$
declare
  word constant text := lower(p_status);
  total constant integer := coalesce(p_total_cancel_amount, 0);
begin
  status := case
    when word in ('pending', 'ready') and total = 0 then 'ready'
    when word = 'virtual_account_issued' and total = 0 then 'virtual_account_issued'
    when word = 'failed' and total = 0 then 'failed'
    when word = 'cancelled' and total = 0 then 'cancelled'
    when word in ('paid', 'partial_cancelled', 'cancelled') and total = p_amount and p_amount > 0 then 'cancelled'
    when word in ('paid', 'partial_cancelled', 'cancelled') and total > 0 and total < p_amount then 'partial_cancelled'
    when word = 'paid' and total = 0 then 'paid'
  end::public.payment_status;
  paid_amount := case when word in ('paid', 'partial_cancelled', 'cancelled') then p_amount else 0 end;
  cancelled_amount := case when word = 'cancelled' and total = 0 then p_amount else total end;
end
$$;
comment on function private.legacy_amounts(text, integer, integer) is
  'Maps a legacy payment (status word, amount, total_cancel_amount) to V2. status is null when the row makes no sense: unknown word, cancelled more than paid, null amount.';
revoke all on function private.legacy_amounts(text, integer, integer) from public, anon, authenticated, service_role;
grant execute on function private.legacy_amounts(text, integer, integer) to service_role;

create function private.payments_legacy_amounts() returns trigger
language plpgsql set search_path = ''
as $$
declare
  legacy record;
begin
  select * into legacy from private.legacy_amounts(new.status, new.amount, new.total_cancel_amount);
  new.next_status := coalesce(legacy.status, 'unknown');
  if legacy.status is not null then
    new.paid_amount := legacy.paid_amount;
    new.cancelled_amount := legacy.cancelled_amount;
    new.cancellable_amount := legacy.paid_amount - legacy.cancelled_amount - new.reserved_amount;
  end if;
  return new;
end
$$;
comment on function private.payments_legacy_amounts() is
  'Keeps the V2 columns right while application code from before V2 still writes only the legacy ones. Goes away one release later.';
revoke all on function private.payments_legacy_amounts() from public, anon, authenticated, service_role;

create trigger payments_legacy_amounts_insert
before insert on public.payments
for each row when (new.origin = 'legacy' and new.next_status is null)
execute function private.payments_legacy_amounts();

create trigger payments_legacy_amounts_update
before update of status, amount, total_cancel_amount on public.payments
for each row when (
  new.origin = 'legacy'
  and new.next_status is not distinct from old.next_status
  and new.cancelled_amount = old.cancelled_amount
  and (new.status, new.amount, new.total_cancel_amount)
  is distinct from (old.status, old.amount, old.total_cancel_amount)
)
execute function private.payments_legacy_amounts();

-- orders and payments: who may do what --------------------------------------------------------

-- Only an order table that is this project's own is locked down; an adopter's keeps its rules.
do $$
begin
  if obj_description('public.orders'::regclass, 'pg_class') like 'The example shop''s order.%' then
    execute 'alter table public.orders enable row level security';
    execute 'revoke all on public.orders from public, anon, authenticated, service_role';
    execute 'grant select on public.orders to authenticated';
    execute 'grant select, insert, update, delete on public.orders to service_role';
    execute 'create policy orders_select_own on public.orders for select to authenticated
      using (user_id between (select private.first_visible_user()) and (select private.last_visible_user()))';
    execute 'create index orders_user_id_idx on public.orders (user_id)';
    execute 'comment on index public.orders_user_id_idx is ''RLS: a user''''s own orders.''';
  end if;
end
$$;

alter table public.payments enable row level security;
revoke all on public.payments from public, anon, authenticated, service_role;
grant select on public.payments to authenticated, service_role;
-- For one release: a server from before V2 that writes as service_role goes on writing the old columns of old payments.
grant insert (
  id, user_id, order_id, payment_id, provider_transaction_id, order_name, amount, currency, status, pay_method, total_cancel_amount,
  paid_at, cancelled_at, created_at, updated_at
) on public.payments to service_role;
grant update (
  order_id, payment_id, provider_transaction_id, order_name, amount, currency, status, pay_method, total_cancel_amount,
  paid_at, cancelled_at, updated_at
) on public.payments to service_role;

create function private.payments_legacy_rows_only() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- portone_status is added by a later file; once it is known, PortOne's word is what counts.
  if old.origin <> 'legacy' or to_jsonb(old) ->> 'portone_status' is not null then
    perform private.fail('403', 'PAYMENT_NOT_LEGACY',
      'Payments are written by functions; directly only those from before V2 that PortOne has not been asked about since.',
      'payment_id', 'Ask through request_cancellation and its like.');
  end if;
  return new;
end
$$;
comment on function private.payments_legacy_rows_only() is 'For one release: what a server from before V2 may still write. Goes away with the grants beside it.';
revoke all on function private.payments_legacy_rows_only() from public, anon, authenticated, service_role;
-- Our own functions run as their owner; only a direct write runs as service_role.
create trigger payments_legacy_rows_only before update on public.payments
for each row when (current_user = 'service_role') execute function private.payments_legacy_rows_only();

create policy payments_select_own on public.payments for select to authenticated
using (
  (
    user_id between (select private.first_visible_user()) and (select private.last_visible_user())
    and (next_status is distinct from 'preparing' or (select private.is_admin()))
  )
  -- of nobody: from before V2, or made elsewhere
  or (user_id is null and (select private.is_admin()))
);
comment on table public.payments is
  'One row per PortOne paymentId. Clients read their own rows; only functions write. paid_amount = cancelled_amount + reserved_amount + cancellable_amount on every row, always.';

-- webhook_logs -------------------------------------------------------------------------------

create table public.webhook_logs (
  id bigint generated always as identity primary key,
  webhook_id text not null,
  webhook_type text,
  status public.webhook_status not null default 'received',
  provider_transaction_id text,
  payment_id text references public.payments (payment_id) on delete restrict,
  subject_kind text,
  subject_id text,
  job_id bigint,
  duplicate_of bigint references public.webhook_logs (id) on delete cascade,
  skip_reason text,
  secret_index smallint,
  request_headers jsonb not null default '{}',
  request_body bytea,
  response_status smallint not null default 200,
  response_body jsonb not null default '{}',
  error jsonb,
  attempts integer not null default 1,
  event_at timestamptz,
  created_at timestamptz not null,
  processed_at timestamptz,
  constraint webhook_logs_skip_reason_check check ((status = 'skipped') = (skip_reason is not null)),
  constraint webhook_logs_duplicate_check check (duplicate_of is null or status = 'skipped')
);
comment on table public.webhook_logs is
  'Every signed webhook delivery, one row each. The first delivery owns its webhook_id; a repeat is skipped and points to it (duplicate_of). Admins read; only functions write.';
comment on column public.webhook_logs.skip_reason is
  'Why nothing was done: duplicate, retries_failed (a repeat that revived a failed owner), unknown_type, legacy_version, unparsable, not_actionable, payment_not_found.';
comment on column public.webhook_logs.secret_index is 'Which of the configured webhook secrets matched, counted from 0.';

create unique index webhook_logs_webhook_id_key on public.webhook_logs (webhook_id) where duplicate_of is null;
comment on index public.webhook_logs_webhook_id_key is 'Idempotency: the first delivery of a webhook_id owns it.';
create index webhook_logs_created_at_idx on public.webhook_logs (created_at desc);
comment on index public.webhook_logs_created_at_idx is 'Recent webhook activity.';
create index webhook_logs_payment_id_idx on public.webhook_logs (payment_id) where payment_id is not null;
comment on index public.webhook_logs_payment_id_idx is 'The webhooks of one payment; foreign key.';
create index webhook_logs_duplicate_of_idx on public.webhook_logs (duplicate_of) where duplicate_of is not null;
comment on index public.webhook_logs_duplicate_of_idx is 'The repeats of one delivery; foreign key.';
create index webhook_logs_received_idx on public.webhook_logs (job_id) where status = 'received';
comment on index public.webhook_logs_received_idx is 'settle_jobs: the deliveries that wait for a job.';
create index webhook_logs_failed_idx on public.webhook_logs (created_at) where status = 'failed';
comment on index public.webhook_logs_failed_idx is 'Operators: deliveries that failed.';

alter table public.webhook_logs enable row level security;
revoke all on public.webhook_logs from public, anon, authenticated, service_role;
revoke all on sequence public.webhook_logs_id_seq from public, anon, authenticated, service_role;
-- The raw body is left out: bytea does not travel over REST, and admins fetch it by read_webhook_body.
grant select (
  id, webhook_id, webhook_type, status, provider_transaction_id, payment_id, subject_kind, subject_id, job_id,
  duplicate_of, skip_reason, secret_index, request_headers, response_status, response_body, error, attempts,
  event_at, created_at, processed_at
) on public.webhook_logs to authenticated, service_role;
create policy webhook_logs_select_admin on public.webhook_logs for select to authenticated
using ((select private.is_admin()));

-- billing_keys -------------------------------------------------------------------------------

create table public.billing_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  issue_id text not null unique,
  billing_key text unique,
  channel_key text,
  pg_provider text,
  card_issuer text,
  card_brand text,
  card_type text,
  card_number_masked text,
  card_expiry_month smallint,
  card_expiry_year smallint,
  nickname text,
  is_default boolean not null default false,
  is_active boolean not null default true,
  issued_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint billing_keys_masked_check check (card_number_masked ~ '\*' and card_number_masked !~ '[0-9]{9,}'),
  constraint billing_keys_expiry_check check (
    (card_expiry_month is null) = (card_expiry_year is null)
    and card_expiry_month between 1 and 12
    and card_expiry_year between 2000 and 2199
  ),
  constraint billing_keys_nickname_check check (char_length(nickname) between 1 and 50),
  constraint billing_keys_default_is_active_check check (is_active or not is_default),
  constraint billing_keys_deleted_is_inactive_check check (deleted_at is null or not is_active)
);
comment on table public.billing_keys is
  'PortOne billing keys for recurring payments with masked card data. Owners read all but the key itself, and set nickname, default card and active flag; functions write the rest.';
comment on column public.billing_keys.billing_key is 'The key that can be charged: never granted to API clients.';
create unique index billing_keys_default_key on public.billing_keys (user_id) where is_default;
comment on index public.billing_keys_default_key is 'At most one default card per user.';
create index billing_keys_user_id_idx on public.billing_keys (user_id, created_at);
comment on index public.billing_keys_user_id_idx is 'RLS: a user''s own cards; foreign key.';

alter table public.billing_keys enable row level security;
revoke all on public.billing_keys from public, anon, authenticated, service_role;
grant select (
  id, user_id, issue_id, channel_key, pg_provider, card_issuer, card_brand, card_type, card_number_masked,
  card_expiry_month, card_expiry_year, nickname, is_default, is_active, issued_at, deleted_at, created_at, updated_at
) on public.billing_keys to authenticated;
grant update (nickname, is_default, is_active) on public.billing_keys to authenticated;
grant select on public.billing_keys to service_role;
create policy billing_keys_select_own on public.billing_keys for select to authenticated
using (user_id between (select private.first_visible_user()) and (select private.last_visible_user()));
create policy billing_keys_update_own on public.billing_keys for update to authenticated
using ((user_id = (select auth.uid()) or (select private.is_admin())) and deleted_at is null)
with check (user_id = (select auth.uid()) or (select private.is_admin()));
