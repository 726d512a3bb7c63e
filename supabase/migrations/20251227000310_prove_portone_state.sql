-- What looks at every payment: proving the constraints of the file before (nobody waits), then the indexes (readers do not
-- wait; a new payment does while one is built, about a second for a million payments).

alter table public.payments validate constraint payments_live_check;
alter table public.payments validate constraint payments_discrepancies_check;
alter table public.payments validate constraint payments_legacy_total_check;

create unique index payments_live_order_key on public.payments (order_id) where is_live;
comment on index public.payments_live_order_key is 'At most one live payment per order.';
create index payments_user_id_idx on public.payments (user_id, created_at desc);
comment on index public.payments_user_id_idx is 'RLS: a user''s own payments page; foreign key.';
create index payments_order_id_idx on public.payments (order_id) where order_id is not null;
comment on index public.payments_order_id_idx is 'request_payment: what happened to this order before.';
