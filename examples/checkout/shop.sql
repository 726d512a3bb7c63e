-- The shop's own part: what it sells, and the one way an order comes to be. In your project this is a migration of yours,
-- or the same on your server. The browser names a product and a quantity, never a price.

create table public.products (
  id text primary key,
  name_ko text not null,
  name_en text not null,
  price integer not null check (price > 0), -- minor units of KRW: won
  tax_free boolean not null default false,
  on_sale boolean not null default true
);
comment on table public.products is 'What the shop sells. Everybody reads what is on sale; prices change here only.';
alter table public.products enable row level security;
revoke all on public.products from public, anon, authenticated;
grant select on public.products to anon, authenticated;
create policy products_select_on_sale on public.products for select to anon, authenticated using (on_sale);

insert into public.products (id, name_ko, name_en, price, tax_free)
values
  ('dripper', '핸드드립 드리퍼', 'Hand drip dripper', 18000, false),
  ('beans', '에티오피아 원두 200g', 'Ethiopia beans 200 g', 16000, false),
  ('book', '커피 이야기 (도서)', 'A book about coffee', 14000, true)
on conflict (id) do nothing;

-- The checked body. It runs with its owner's rights, because clients may not write orders; so it takes the user from the
-- token and the price from the table, and nothing else from the caller.
create function private.place_order(p_product_id text, p_quantity integer) returns public.orders
language plpgsql security definer set search_path = ''
as $$
declare
  product public.products;
  placed public.orders;
begin
  if auth.uid() is null then
    raise sqlstate 'PT403' using message = 'Sign in to order.', detail = '{"code": "SIGN_IN_REQUIRED"}', hint = 'Send the user''s access token.';
  end if;
  select * into product from public.products where products.id = p_product_id and products.on_sale;
  if product.id is null then
    raise sqlstate 'PT404' using message = 'This is not sold here.', detail = '{"code": "PRODUCT_NOT_FOUND"}', hint = 'Reload the page.';
  end if;
  if p_quantity is null or p_quantity not between 1 and 10 then
    raise sqlstate 'PT422' using message = 'Order 1 to 10.', detail = '{"code": "QUANTITY_OUT_OF_RANGE", "field": "quantity"}', hint = 'Choose another quantity.';
  end if;
  insert into public.orders (user_id, order_name, total_amount, tax_free_amount, currency)
  values (
    auth.uid(),
    product.name_ko || case when p_quantity > 1 then ' × ' || p_quantity else '' end,
    product.price * p_quantity,
    case when product.tax_free then product.price * p_quantity else 0 end,
    'KRW'
  )
  returning * into placed;
  return placed;
end
$$;
comment on function private.place_order(text, integer) is 'Behind public.place_order: the price is the product''s, whatever the browser believes.';
revoke all on function private.place_order(text, integer) from public, anon, authenticated, service_role;
grant execute on function private.place_order(text, integer) to authenticated;

create function public.place_order(product_id text, quantity integer) returns public.orders
language sql set search_path = ''
as $$ select private.place_order(place_order.product_id, place_order.quantity) $$;
comment on function public.place_order(text, integer) is
  'Orders a product as the signed-in user, at the price of the products table. Errors: SIGN_IN_REQUIRED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE.';
revoke all on function public.place_order(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.place_order(text, integer) to authenticated;

notify pgrst, 'reload schema';
