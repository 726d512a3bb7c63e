-- The shop as it was before it knew of PortOne: products with prices, orders with lines, ids and names of its own.

create table public.products (
  sku text primary key,
  title text not null,
  price_won integer not null check (price_won > 0),
  vat_free boolean not null default false
);
comment on table public.products is 'What we sell. Prices are whole won.';

create table public.orders (
  id bigint generated always as identity primary key,
  customer uuid not null references auth.users (id),
  state text not null default 'open' check (state in ('open', 'paid', 'shipped', 'dropped')),
  placed_at timestamptz not null default now(),
  paid_with text
);
comment on table public.orders is 'Our orders. Not the table of the same name that the payments backend would bring along.';
create index orders_customer_idx on public.orders (customer);

create table public.order_lines (
  order_id bigint not null references public.orders (id),
  sku text not null references public.products (sku),
  quantity integer not null check (quantity between 1 and 99),
  primary key (order_id, sku)
);
comment on table public.order_lines is 'What an order consists of.';

alter table public.products enable row level security;
alter table public.orders enable row level security;
alter table public.order_lines enable row level security;
create policy products_are_public on public.products for select to anon, authenticated using (true);
create policy orders_select_own on public.orders for select to authenticated using ((select auth.uid()) = customer);
create policy order_lines_select_own on public.order_lines for select to authenticated
using (order_id in (select orders.id from public.orders where orders.customer = (select auth.uid())));

insert into public.products (sku, title, price_won, vat_free) values
('lamp-01', 'Desk lamp', 24000, false),
('book-07', 'Recipe book', 15000, true),
('cup-03', 'Cup', 9000, false);
