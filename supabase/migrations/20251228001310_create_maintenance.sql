-- What may be thrown away, and when.

create function public.run_maintenance() returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  step constant integer := 1000;
  v_now constant timestamptz := private.now();
  old_keys integer;
  old_jobs integer;
  abandoned integer;
  forgotten record;
begin
  abandoned := private.expire_abandoned(100, v_now);
  forgotten := private.forget_old(100, v_now);
  delete from private.identity_calls where identity_calls.called_at < v_now - interval '2 days';
  delete from queue.keys where keys.idempotency_key in (
    select old.idempotency_key from queue.keys as old where old.created_at < v_now - interval '30 days' limit step
  );
  get diagnostics old_keys = row_count;
  delete from queue.finished where finished.id in (
    select old.id from queue.finished as old where old.finished_at < v_now - interval '30 days' limit step
  );
  get diagnostics old_jobs = row_count;
  return jsonb_build_object('keys', old_keys, 'finished', old_jobs, 'expired', abandoned,
    'cards', forgotten.cards, 'identities', forgotten.identities,
    'more', old_keys = step or old_jobs = step or abandoned = 100 or forgotten.cards = 100 or forgotten.identities >= 100);
end
$$;
comment on function public.run_maintenance() is
  'Throws away idempotency keys and finished jobs older than 30 days, at most 1,000 each a call; expires up to 100 payments whose window nobody came back to for a day; forgets up to 100 cards that were never registered and as many verifications that never succeeded or are past private.identity_retention(). more = true: call again.';
revoke all on function public.run_maintenance() from public, anon, authenticated, service_role;
grant execute on function public.run_maintenance() to service_role;

notify pgrst, 'reload schema';
