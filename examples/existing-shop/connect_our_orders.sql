-- The only SQL an adopting shop writes: what one of its orders costs, what happens when it is paid, who may cancel.
-- Copy it into supabase/migrations under a version later than the copied ones, and adapt the three bodies.

create or replace function private.quote_order(p_order_id text) returns private.quote
language plpgsql stable security definer set search_path = ''
as $$
declare
  quote private.quote;
begin
  -- Our ids are numbers; anything else is no order of ours. One spelling per order: 7, never 007.
  if p_order_id ~ '^[1-9][0-9]{0,17}$' then
    select
      orders.customer,
      min(products.title) || case when count(*) > 1 then format(' and %s more', count(*) - 1) else '' end,
      sum(products.price_won * lines.quantity),
      coalesce(sum(products.price_won * lines.quantity) filter (where products.vat_free), 0),
      'KRW',
      orders.id::text
    into quote.user_id, quote.order_name, quote.amount, quote.tax_free_amount, quote.currency, quote.order_id
    from public.orders
    join public.order_lines as lines on lines.order_id = orders.id
    join public.products on products.sku = lines.sku
    where orders.id = p_order_id::bigint and orders.state <> 'dropped'
    group by orders.id;
  end if;
  if quote.user_id is null then
    perform private.fail('404', 'ORDER_NOT_FOUND', 'There is no such order.', 'order_id', 'Send the id of an order of this user.');
  end if;
  return quote;
end
$$;

create or replace function private.settle_order(p_order_id text, p_payment_id text) returns void
language sql security definer set search_path = ''
-- Called once, when the money is there. An order dropped while its window was open is paid all the same: somebody has to
-- see it, and ship or refund it. Leaving it alone would keep the money and say nothing.
as $$
  update public.orders set state = 'paid', paid_with = p_payment_id where id = p_order_id::bigint and state in ('open', 'dropped')
$$;

create or replace function private.owner_may_cancel(p_payment public.payments) returns boolean
language sql stable set search_path = ''
-- Ours may close an account nobody has paid into; money back is for the shop to give.
as $$ select p_payment.status = 'virtual_account_issued' $$;
