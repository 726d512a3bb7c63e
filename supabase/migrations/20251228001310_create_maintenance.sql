-- What may be thrown away, when, and who does it: the worker, every few minutes, in bounded steps.

create table private.retention (
  only_row boolean primary key default true check (only_row),
  finished_jobs interval not null default '30 days',
  idempotency_keys interval not null default '30 days',
  webhook_bodies interval default '180 days',
  bodies_erased_until timestamptz not null default '-infinity',
  constraint retention_is_long_enough_check check (
    finished_jobs >= interval '1 day' and idempotency_keys >= interval '1 day' and webhook_bodies >= interval '7 days'
  )
);
comment on table private.retention is
  'How long what may be thrown away is kept; change it as postgres. Payments, refunds, events, operations, findings and the rows of webhook_logs are never deleted.';
comment on column private.retention.finished_jobs is 'Rows of queue.finished. At least a day: a late or repeated settle must still find its job.';
comment on column private.retention.idempotency_keys is 'Keys of enqueue_jobs: how long the same key means the same job.';
comment on column private.retention.webhook_bodies is 'Raw body and headers of a delivery; the row stays. Null keeps them.';
comment on column private.retention.bodies_erased_until is 'Written by run_maintenance: no delivery before this has a body. Saves an index on the busiest insert.';
insert into private.retention default values;
alter table private.retention enable row level security;
revoke all on private.retention from public, anon, authenticated, service_role;

create function private.erase_webhook_bodies(p_before timestamptz, p_max integer) returns integer
language plpgsql set search_path = '' set enable_seqscan = off
as $$
declare
  since timestamptz;
  erased integer;
begin
  select retention.bodies_erased_until into since from private.retention;
  if p_before is null or since >= p_before then
    return 0;
  end if;
  update public.webhook_logs set request_body = null, request_headers = '{}'
  where webhook_logs.id = any (array(
    select old.id from public.webhook_logs as old
    where old.created_at >= since and old.created_at < p_before and old.request_body is not null
    order by old.created_at
    limit p_max
    for no key update skip locked
  ));
  get diagnostics erased = row_count;
  update private.retention set bodies_erased_until = coalesce((
    select old.created_at from public.webhook_logs as old
    where old.created_at >= since and old.created_at < p_before and old.request_body is not null
    order by old.created_at
    limit 1
  ), p_before);
  return erased;
end
$$;
comment on function private.erase_webhook_bodies(timestamptz, integer) is 'Forgets raw bodies and headers of up to p_max deliveries made before a time, oldest first; returns how many.';
revoke all on function private.erase_webhook_bodies(timestamptz, integer) from public, anon, authenticated, service_role;

create function public.run_maintenance() returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off
as $$
declare
  most constant integer := 1000;
  v_now constant timestamptz := private.now();
  keep private.retention;
  counts jsonb := '{"keys": 0, "finished": 0, "identity_calls": 0, "webhook_bodies": 0, "cards": 0, "identities": 0, "expired": 0}';
  touched integer;
  forgotten record;
begin
  -- One at a time: two would only wait for each other's rows.
  if not pg_try_advisory_xact_lock(hashtextextended('portone-supabase: run_maintenance', 0)) then
    return counts || '{"more": false, "busy": true}';
  end if;
  select retention.* into keep from private.retention;

  delete from queue.keys where keys.idempotency_key = any (array(
    select old.idempotency_key from queue.keys as old
    where old.created_at < v_now - keep.idempotency_keys order by old.created_at limit most
  ));
  get diagnostics touched = row_count;
  counts := counts || jsonb_build_object('keys', touched);

  delete from queue.finished where finished.id = any (array(
    select old.id from queue.finished as old
    where old.finished_at < v_now - keep.finished_jobs order by old.finished_at limit most
  ));
  get diagnostics touched = row_count;
  counts := counts || jsonb_build_object('finished', touched);

  -- Ids are dealt in order of time: the lowest are the oldest.
  delete from private.identity_calls where identity_calls.id = any (array(
    select old.id from private.identity_calls as old order by old.id limit most
  )) and identity_calls.called_at < v_now - interval '2 days';
  get diagnostics touched = row_count;
  counts := counts || jsonb_build_object('identity_calls', touched);

  counts := counts || jsonb_build_object('webhook_bodies', private.erase_webhook_bodies(v_now - keep.webhook_bodies, most));
  forgotten := private.forget_old(100, v_now);
  counts := counts || jsonb_build_object('cards', forgotten.cards, 'identities', forgotten.identities);
  -- Last: it takes lanes, which others wait for.
  counts := counts || jsonb_build_object('expired', private.expire_abandoned(100, v_now));
  return counts || jsonb_build_object('busy', false, 'more', (
    (counts ->> 'keys')::integer = most or (counts ->> 'finished')::integer = most or (counts ->> 'identity_calls')::integer = most
    or (counts ->> 'webhook_bodies')::integer = most or (counts ->> 'cards')::integer = 100 or (counts ->> 'identities')::integer >= 100 or (counts ->> 'expired')::integer = 100
  ));
end
$$;
comment on function public.run_maintenance() is
  'Throws away what is older than private.retention says (idempotency keys, finished jobs, webhook bodies), at most 1,000 of each a call; forgets up to 100 cards that were never registered and as many verifications that never succeeded or are past private.identity_retention(); expires up to 100 payments whose window nobody came back to for a day. Answers how many of each, busy = true when another call is at it, more = true: call again. The worker calls it by itself.';
revoke all on function public.run_maintenance() from public, anon, authenticated, service_role;
grant execute on function public.run_maintenance() to service_role;

notify pgrst, 'reload schema';
