-- What operators do to jobs: put a dead one back, take it off the list, take one out of the queue.

create type public.acted_on as (index integer, id bigint, done boolean, why_not text, job_id bigint);

create function private.is_money_job(p_kind text) returns boolean
language sql immutable set search_path = ''
return p_kind in ('cancel_payment', 'charge_billing_key', 'confirm_payment', 'create_schedule');
comment on function private.is_money_job(text) is 'Whether a job of this kind sends a call that moves money.';
revoke all on function private.is_money_job(text) from public, anon, authenticated, service_role;

create function private.requeue_job(p_id bigint, p_now timestamptz) returns text
language plpgsql set search_path = ''
as $$
declare
  buried queue.dead;
  waiting queue.jobs;
begin
  select * into waiting from queue.jobs where jobs.id = p_id for no key update;
  if found then
    if waiting.state not in ('backoff', 'scheduled') then
      return 'not_dead';
    end if;
    -- Not dead yet, or not due yet: now.
    update queue.jobs set run_at = null, state = case when waiting.state = 'backoff' or waiting.lane is null then 'ready' else 'waiting' end
    where jobs.id = p_id;
    return null;
  end if;
  select * into buried from queue.dead where dead.id = p_id for no key update;
  if not found then
    return 'not_found';
  end if;
  -- What changes something at PortOne; a card that could not be deleted may always be deleted after all.
  if (private.is_money_job(buried.kind)
    or buried.kind in ('prepare_payment', 'register_billing_key', 'close_virtual_account', 'stop_cancellation', 'revoke_schedule')) and not exists (
    select from public.payment_operations as operations
    where operations.id = buried.operation_id and operations.finished_at is null
  ) then
    -- Whoever asked has been told that it failed: it may only be asked for anew.
    return 'operation_ended';
  end if;
  if buried.resolved_at is not null then
    return 'resolved';
  end if;
  delete from queue.dead where dead.id = p_id;
  -- Under its own number: what waited for it waits again, and the claim goes on where it was.
  insert into queue.jobs (id, kind, lane, state, claim, max_failures, give_up_at, operation_id, payload, last_error, created_at)
  values (
    buried.id, buried.kind, buried.lane, case when buried.lane is null then 'ready' else 'waiting' end, buried.claim + 1,
    case when not private.is_money_job(buried.kind) then private.read_patience() end,
    case when private.is_money_job(buried.kind) then p_now + private.money_budget() end,
    buried.operation_id, buried.payload, buried.error, buried.created_at
  );
  update public.webhook_logs set status = 'received', error = null, processed_at = null, attempts = webhook_logs.attempts + 1
  where webhook_logs.job_id = p_id and webhook_logs.status = 'failed' and webhook_logs.duplicate_of is null;
  return null;
end
$$;
comment on function private.requeue_job(bigint, timestamptz) is
  'Puts a dead job back under its own id, or one that waits for its time forward to now; null, or why not. What an undecided refund or charge may do again the attempts say, not this. The caller holds the lane and promotes it.';
revoke all on function private.requeue_job(bigint, timestamptz) from public, anon, authenticated, service_role;

create function private.discard_job(p_id bigint, p_now timestamptz) returns text
language plpgsql set search_path = ''
as $$
declare
  buried queue.dead;
begin
  select * into buried from queue.dead where dead.id = p_id for no key update;
  if not found then
    return case when exists (select from queue.jobs where jobs.id = p_id) then 'not_dead' else 'not_found' end;
  end if;
  if buried.resolved_at is not null then
    return 'resolved';
  end if;
  update queue.dead set resolved_at = p_now where dead.id = p_id;
  return null;
end
$$;
comment on function private.discard_job(bigint, timestamptz) is 'Takes a dead job off the list of what needs a person; null, or why not.';
revoke all on function private.discard_job(bigint, timestamptz) from public, anon, authenticated, service_role;

create function private.act_on_jobs(p_action text, p_ids bigint[], p_reason text, p_actor text) returns setof public.acted_on
language plpgsql security definer set search_path = ''
as $$
declare
  who constant text := private.operator_name(p_actor);
  lanes text[];
  v_now timestamptz;
  answer public.acted_on;
  known record;
begin
  perform private.check_reason(p_reason);
  perform private.check_ids(p_ids);
  lanes := array(
    select jobs.lane from queue.jobs where jobs.id = any (p_ids) and jobs.lane is not null
    union select dead.lane from queue.dead where dead.id = any (p_ids) and dead.lane is not null
  );
  perform private.lock_lanes(lanes);
  v_now := private.now();
  for i in 1 .. cardinality(p_ids) loop
    select found.lane, found.kind, found.payment_id, found.reason, found.error into known from (
      select jobs.lane, jobs.kind, jobs.payload ->> 'payment_id' as payment_id, null as reason, jobs.last_error as error
      from queue.jobs where jobs.id = p_ids[i]
      union all
      select dead.lane, dead.kind, dead.payload ->> 'payment_id', dead.reason, dead.error from queue.dead where dead.id = p_ids[i]
    ) as found;
    answer := row(i, p_ids[i], false, null, p_ids[i]);
    answer.why_not := case
      -- added between the look for lanes and now: the next call finds it
      when known.lane is not null and known.lane <> all (lanes) then 'not_found'
      when p_action = 'requeue_job' then private.requeue_job(p_ids[i], v_now)
      else private.discard_job(p_ids[i], v_now)
    end;
    answer.done := answer.why_not is null;
    if answer.done then
      perform private.note_action(p_action, p_ids[i]::text, known.payment_id, who, p_reason,
        jsonb_build_object('kind', known.kind, 'dead', known.reason, 'code', known.error ->> 'code'), v_now);
    end if;
    return next answer;
  end loop;
  perform private.promote_lanes(lanes);
end
$$;
comment on function private.act_on_jobs(text, bigint[], text, text) is 'Behind requeue_jobs and discard_jobs.';
revoke all on function private.act_on_jobs(text, bigint[], text, text) from public, anon, authenticated, service_role;
grant execute on function private.act_on_jobs(text, bigint[], text, text) to authenticated, service_role;

create function public.requeue_jobs(ids bigint[], reason text, actor text default null) returns setof public.acted_on
language sql set search_path = ''
as $$ select * from private.act_on_jobs('requeue_job', ids, reason, actor) $$;
comment on function public.requeue_jobs(bigint[], text, text) is
  'Operators: dead jobs run again under their own ids, with what waited for them; jobs that back off or are scheduled run now. At most 100. why_not: not_found, not_dead, resolved, operation_ended (whoever asked has been told it failed: ask anew). A refund or charge that was sent is never sent anew by this: PortOne is asked how it ended. Refuses ADMIN_REQUIRED, REASON_REQUIRED, BATCH_REQUIRED, BATCH_TOO_LARGE, ID_REQUIRED.';
revoke all on function public.requeue_jobs(bigint[], text, text) from public, anon, authenticated, service_role;
grant execute on function public.requeue_jobs(bigint[], text, text) to authenticated, service_role;

create function public.discard_jobs(ids bigint[], reason text, actor text default null) returns setof public.acted_on
language sql set search_path = ''
as $$ select * from private.act_on_jobs('discard_job', ids, reason, actor) $$;
comment on function public.discard_jobs(bigint[], text, text) is
  'Operators: dead jobs have been dealt with and leave the list; nothing else changes (an undecided refund stays held, its finding open). At most 100. why_not: not_found, not_dead, resolved. Refuses ADMIN_REQUIRED, REASON_REQUIRED, BATCH_REQUIRED, BATCH_TOO_LARGE, ID_REQUIRED.';
revoke all on function public.discard_jobs(bigint[], text, text) from public, anon, authenticated, service_role;
grant execute on function public.discard_jobs(bigint[], text, text) to authenticated, service_role;

-- cancel_job ---------------------------------------------------------------------------------

create function private.cancel_job(p_id bigint, p_reason text, p_actor text) returns public.acted_on
language plpgsql security definer set search_path = ''
as $$
declare
  who constant text := private.operator_name(p_actor);
  job queue.jobs;
  v_now timestamptz;
begin
  perform private.check_reason(p_reason);
  perform private.lock_lanes(array(select jobs.lane from queue.jobs where jobs.id = p_id));
  v_now := private.now();
  select * into job from queue.jobs where jobs.id = p_id for no key update;
  if not found then
    perform private.fail('404', 'JOB_NOT_FOUND', 'There is no such job in the queue.', 'id', 'It has ended; dead ones are taken off the list by discard_jobs.');
  end if;
  if job.state = 'running' then
    perform private.fail('409', 'JOB_IS_RUNNING', 'A worker has this job in its hands.', 'id', 'Try again when it has ended or backs off.');
  end if;
  if private.is_money_job(job.kind) and job.claim > 0 then
    perform private.fail('409', 'JOB_IS_UNDECIDED', 'This job may have sent its call to PortOne already; it ends by itself.', 'id', 'Wait: PortOne is read back until it is decided.');
  end if;
  perform private.bury_job(p_id, 'cancelled', jsonb_build_object('code', 'JOB_CANCELLED', 'message', 'An operator took this job out of the queue.'), v_now);
  update queue.dead set resolved_at = v_now where dead.id = p_id;
  perform private.note_action('cancel_job', p_id::text, job.payload ->> 'payment_id', who, p_reason, jsonb_build_object('kind', job.kind), v_now);
  perform private.promote_lanes(array[job.lane]);
  return row(1, p_id, true, null, p_id)::public.acted_on;
end
$$;
comment on function private.cancel_job(bigint, text, text) is 'Behind public.cancel_job.';
revoke all on function private.cancel_job(bigint, text, text) from public, anon, authenticated, service_role;
grant execute on function private.cancel_job(bigint, text, text) to authenticated, service_role;

create function public.cancel_job(id bigint, reason text, actor text default null) returns public.acted_on
language sql set search_path = ''
return private.cancel_job(id, reason, actor);
comment on function public.cancel_job(bigint, text, text) is
  'Operators: a job that has not run leaves the queue; its operation fails with JOB_CANCELLED, a refund releases what it held. One that moves money only before any worker had it. Refuses ADMIN_REQUIRED, REASON_REQUIRED, JOB_NOT_FOUND, JOB_IS_RUNNING, JOB_IS_UNDECIDED.';
revoke all on function public.cancel_job(bigint, text, text) from public, anon, authenticated, service_role;
grant execute on function public.cancel_job(bigint, text, text) to authenticated, service_role;
