-- What is forgotten without anybody asking: cards that were never registered, verifications that never succeeded or are old.

create function private.identity_retention() returns interval
language sql immutable set search_path = ''
return interval '5 years';
comment on function private.identity_retention() is
  'How long a verified person is kept before run_maintenance() forgets them. Replace it by what your purpose and the law ask for; null keeps them until erase_identities is called.';
revoke all on function private.identity_retention() from public, anon, authenticated, service_role;

create index billing_keys_unregistered_idx on public.billing_keys (created_at) where issued_at is null and deleted_at is null;
comment on index public.billing_keys_unregistered_idx is 'forget_unregistered_cards: windows nobody came back from.';
create index identity_verifications_kept_idx on public.identity_verifications (created_at, id) where erased_at is null;
comment on index public.identity_verifications_kept_idx is 'erase_identities: what is old.';
create index identity_verifications_unverified_idx on public.identity_verifications (created_at, id) where status <> 'verified' and erased_at is null;
comment on index public.identity_verifications_unverified_idx is 'forget_unverified: without it every verified person of five years would be walked past.';

create function private.forget_unregistered_cards(p_max integer, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  old record;
  forgotten integer := 0;
begin
  for old in
    select keys.id, 'billing_key:' || keys.id as lane from public.billing_keys as keys
    where keys.issued_at is null and keys.deleted_at is null and keys.created_at < p_now - interval '7 days'
      -- A registration that is still under way keeps its card, and does not stand in the way of younger ones.
      and not exists (select from queue.jobs where jobs.lane = 'billing_key:' || keys.id and jobs.state in ('ready', 'running', 'backoff'))
      and not exists (select from queue.jobs where jobs.lane = 'billing_key:' || keys.id and jobs.state = 'waiting')
    order by keys.created_at
    limit p_max
  loop
    -- It may have begun just now.
    if not pg_try_advisory_xact_lock(private.lane_key(old.lane))
      or exists (select from queue.jobs where jobs.lane = old.lane and jobs.state in ('ready', 'running', 'backoff'))
      or exists (select from queue.jobs where jobs.lane = old.lane and jobs.state = 'waiting') then
      continue;
    end if;
    delete from public.billing_keys as keys where keys.id = old.id and keys.issued_at is null;
    forgotten := forgotten + found::integer;
  end loop;
  return forgotten;
end
$$;
comment on function private.forget_unregistered_cards(integer, timestamptz) is
  'Deletes up to p_max cards whose window was opened over a week ago and that PortOne never confirmed. Returns how many.';
revoke all on function private.forget_unregistered_cards(integer, timestamptz) from public, anon, authenticated, service_role;

create function private.forget_unverified(p_max integer, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  forgotten integer;
begin
  delete from public.identity_verifications as identities
  where identities.status <> 'verified' and identities.id in (
    select old.id from public.identity_verifications as old
    where old.status <> 'verified' and old.erased_at is null and old.created_at < p_now - interval '30 days'
    order by old.created_at, old.id
    limit p_max
    for update skip locked
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;
comment on function private.forget_unverified(integer, timestamptz) is 'Deletes up to p_max verifications over a month old that never succeeded. Returns how many.';
revoke all on function private.forget_unverified(integer, timestamptz) from public, anon, authenticated, service_role;

create function private.forget_old(p_max integer, p_now timestamptz, out cards integer, out identities integer)
language plpgsql set search_path = ''
as $$
begin
  cards := private.forget_unregistered_cards(p_max, p_now);
  identities := private.forget_unverified(p_max, p_now);
  if private.identity_retention() is not null then
    identities := identities + public.erase_identities(p_now - private.identity_retention(), null, p_max);
  end if;
end
$$;
comment on function private.forget_old(integer, timestamptz) is 'Retention: up to p_max cards, unverified and verified persons each. Returns how many cards and how many verifications.';
revoke all on function private.forget_old(integer, timestamptz) from public, anon, authenticated, service_role;
