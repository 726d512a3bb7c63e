-- While this is built (about a second for a million payments) a new payment waits. A shop that cannot wait builds it
-- beforehand with the same statement and `concurrently`; then nothing happens here. Another index of this name stops the file.

do $$
begin
  if not exists (
    select from pg_catalog.pg_index as built
    where built.indexrelid = to_regclass('public.payments_order_id_idx') and built.indisvalid
      and pg_get_indexdef(built.indexrelid) = 'CREATE INDEX payments_order_id_idx ON public.payments USING btree (order_id) WHERE (order_id IS NOT NULL)'
  ) then
    create index payments_order_id_idx on public.payments (order_id) where order_id is not null;
  end if;
end
$$;
comment on index public.payments_order_id_idx is 'request_payment: what happened to this order before.';
