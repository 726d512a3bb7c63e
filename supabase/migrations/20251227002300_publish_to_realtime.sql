-- Hosted Supabase sends the changes of published tables to the clients who may read the rows. A project without Realtime
-- has no such publication, and then nothing happens here.

do $$
declare
  name text;
begin
  if not exists (
    select from pg_catalog.pg_publication as publication
    where publication.pubname = 'supabase_realtime' and not publication.puballtables
      and pg_has_role(publication.pubowner, 'usage')
  ) then
    return;
  end if;
  foreach name in array array['payments', 'payment_operations', 'payment_cancellations'] loop
    if not exists (
      select from pg_catalog.pg_publication_tables as published
      where published.pubname = 'supabase_realtime' and published.schemaname = 'public' and published.tablename = name
    ) then
      execute format('alter publication supabase_realtime add table public.%I', name);
    end if;
  end loop;
end
$$;

notify pgrst, 'reload schema';
