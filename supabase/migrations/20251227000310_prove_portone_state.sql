-- What looks at every payment: proving the constraints of the file before (nobody waits), then an index that holds nothing
-- yet. The two large indexes stand in files of their own: while one is built, readers do not wait, but a new payment does.

alter table public.payments validate constraint payments_live_check;
alter table public.payments validate constraint payments_discrepancies_check;
alter table public.payments validate constraint payments_legacy_total_check;

create unique index payments_live_order_key on public.payments (order_id) where is_live;
comment on index public.payments_live_order_key is 'At most one live payment per order.';
