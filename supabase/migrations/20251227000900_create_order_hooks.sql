-- The three functions an adopter replaces: what an order costs, what happens when it is paid, who may refund.

create type private.quote as (
  user_id uuid, order_name text, amount integer, tax_free_amount integer, currency text, order_id text
);

create function private.quote_order(p_order_id text) returns private.quote
language plpgsql stable security definer set search_path = ''
as $$
declare
  quote private.quote;
begin
  select orders.user_id, orders.order_name, orders.total_amount, orders.tax_free_amount, orders.currency, orders.id::text
  into quote
  from public.orders
  where orders.id = private.uuid_of(p_order_id);
  if quote.user_id is null then
    perform private.fail('404', 'ORDER_NOT_FOUND', 'There is no such order.', 'order_id', 'Send the id of an order of this user.');
  end if;
  return quote;
end
$$;
comment on function private.quote_order(text) is
  'Names whose order it is and what it costs, in minor units. The only source of a price. order_id is the id in its one spelling (null: as given): where two spellings name one order, two payments must not. Replace the body to use your own order table; raise ORDER_NOT_FOUND (PT404) for an unknown order.';
revoke all on function private.quote_order(text) from public, anon, authenticated, service_role;

create function private.settle_order(p_order_id text, p_payment_id text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update public.orders set status = 'paid', updated_at = private.now()
  where orders.id = p_order_id::uuid;
end
$$;
comment on function private.settle_order(text, text) is
  'Called once per order, in the transaction that found its payment proven. Replace the body to fulfil in your own tables; do not call other systems here, read payment_events for that.';
revoke all on function private.settle_order(text, text) from public, anon, authenticated, service_role;

create function private.owner_may_cancel(p_payment public.payments) returns boolean
language sql stable set search_path = ''
as $$ select p_payment.status = 'virtual_account_issued' $$;
comment on function private.owner_may_cancel(public.payments) is
  'Whether a customer may cancel their own payment. The default allows closing an unpaid virtual account and nothing else: goods may have been shipped.';
revoke all on function private.owner_may_cancel(public.payments) from public, anon, authenticated, service_role;

create table private.order_settlements (
  order_id text primary key,
  payment_id text not null unique references public.payments (payment_id) on delete restrict,
  settled_at timestamptz not null
);
comment on table private.order_settlements is 'Which payment fulfilled an order. The primary key is what makes a second one impossible.';
alter table private.order_settlements enable row level security;
revoke all on private.order_settlements from public, anon, authenticated, service_role;
