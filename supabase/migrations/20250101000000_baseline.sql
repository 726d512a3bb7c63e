-- The shop as it was before PortOne V2: orders and payments.
-- An existing project already has these tables; then this file creates nothing and only checks
-- that every column the later files rely on is there with the type they rely on.

-- In a block, because an order table that was there before is not ours to comment on: the comment is how later files know
-- their own.
do $$
begin
  if to_regclass('public.orders') is null then
    create table public.orders (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null references auth.users (id) on delete restrict,
      order_name text not null,
      total_amount integer not null check (total_amount > 0),
      tax_free_amount integer not null default 0 check (tax_free_amount between 0 and total_amount),
      currency text not null default 'KRW',
      status text not null default 'pending',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    comment on table public.orders is
      'The example shop''s order. Created only when absent; used only through private.quote_order and private.settle_order, which an adopter replaces.';
  end if;
end
$$;

create table if not exists public.payments (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete set null,
  order_id text,
  payment_id text unique,
  provider_transaction_id text,
  order_name text,
  amount integer,
  currency text default 'KRW',
  status text,
  pay_method text,
  total_cancel_amount integer,
  paid_at timestamptz,
  cancelled_at timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

do $$
declare
  problems text;
begin
  with expected (column_name, data_types) as (
    values
      ('id', array['uuid']),
      ('user_id', array['uuid']),
      ('order_id', array['text', 'character varying']),
      ('payment_id', array['text', 'character varying']),
      ('provider_transaction_id', array['text', 'character varying']),
      ('order_name', array['text', 'character varying']),
      ('amount', array['integer']),
      ('currency', array['text', 'character varying']),
      ('status', array['text', 'character varying']),
      ('pay_method', array['text', 'character varying']),
      ('total_cancel_amount', array['integer']),
      ('paid_at', array['timestamp with time zone']),
      ('cancelled_at', array['timestamp with time zone']),
      ('created_at', array['timestamp with time zone']),
      ('updated_at', array['timestamp with time zone'])
  )
  select string_agg(
    case
      when actual.column_name is null
        then format('%s is missing (expected %s)', expected.column_name, expected.data_types[1])
      else format('%s is %s (expected %s)', expected.column_name, actual.data_type, expected.data_types[1])
    end,
    '; ' order by expected.column_name
  )
  into problems
  from expected
  left join information_schema.columns as actual
    on actual.table_schema = 'public'
    and actual.table_name = 'payments'
    and actual.column_name = expected.column_name
  where actual.column_name is null
    or actual.data_type <> all (expected.data_types);

  if problems is null and not exists (
    select from pg_catalog.pg_index as i
    join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = 'public.payments'::regclass
      and i.indisunique and i.indnkeyatts = 1 and i.indpred is null
      and a.attname = 'payment_id'
  ) then
    problems := 'payment_id has no unique constraint';
  end if;

  if problems is not null then
    raise exception 'public.payments does not have the columns this project builds on: %', problems
      using hint = 'Rename or convert these columns, or move your table aside, then run `supabase db push` again. Nothing was changed.';
  end if;
end
$$;
