-- A small shop to try things in: two customers, an admin, orders that wait to be paid.
-- For development only; `supabase db push` never runs it, `make up` does. Safe to run again.

insert into auth.users (id, email)
values
  ('11111111-1111-4111-8111-111111111111', 'minji@example.com'),
  ('22222222-2222-4222-8222-222222222222', 'jisoo@example.com'),
  ('99999999-9999-4999-8999-999999999999', 'admin@example.com')
on conflict (id) do nothing;

insert into public.orders (id, user_id, order_name, total_amount, tax_free_amount, currency)
values
  ('aaaaaaaa-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'Hand drip kettle', 48000, 0, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000002', '11111111-1111-4111-8111-111111111111', 'Coffee beans and a book', 32000, 14000, 'KRW'),
  ('aaaaaaaa-0000-4000-8000-000000000003', '22222222-2222-4222-8222-222222222222', 'Mug', 12000, 0, 'KRW')
on conflict (id) do nothing;
