-- While this is built (about a second for a million payments) a new payment waits. A shop that cannot wait builds it
-- beforehand with the same statement and `concurrently`; then nothing happens here. Another index of this name stops the file.

do $$
begin
  if not exists (
    select from pg_catalog.pg_index as built
    where built.indexrelid = to_regclass('public.payments_created_at_idx') and built.indisvalid
      and pg_get_indexdef(built.indexrelid) = 'CREATE INDEX payments_created_at_idx ON public.payments USING btree (created_at DESC)'
  ) then
    create index payments_created_at_idx on public.payments (created_at desc);
  end if;
end
$$;
comment on index public.payments_created_at_idx is 'Operators: the newest payments (payments list, the console''s overview).';
