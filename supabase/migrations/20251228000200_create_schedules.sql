-- Charges in the future, executed by PortOne.

create type public.schedule_status as enum ('requested', 'scheduled', 'started', 'pending', 'unknown', 'succeeded', 'failed', 'revoked');

create table public.payment_schedules (
  id uuid primary key default gen_random_uuid(),
  payment_id text not null unique references public.payments (payment_id) on delete restrict,
  order_id text not null,
  user_id uuid not null references auth.users (id) on delete restrict,
  billing_key_id uuid not null references public.billing_keys (id) on delete restrict,
  schedule_id text unique,
  time_to_pay timestamptz not null,
  status public.schedule_status not null default 'requested',
  failure jsonb,
  completed_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
comment on table public.payment_schedules is 'Future charges of a saved card. PortOne executes them; we learn it by webhook, or by asking shortly after their time.';
create index payment_schedules_user_id_idx on public.payment_schedules (user_id, time_to_pay);
comment on index public.payment_schedules_user_id_idx is 'RLS: a user''s own schedules; foreign key.';
create index payment_schedules_billing_key_idx on public.payment_schedules (billing_key_id) where status in ('requested', 'scheduled', 'started', 'pending', 'unknown');
comment on index public.payment_schedules_billing_key_idx is 'delete_billing_key: what must be revoked first.';
create index payment_schedules_billing_key_id_idx on public.payment_schedules (billing_key_id);
comment on index public.payment_schedules_billing_key_id_idx is 'The schedules of one card; foreign key.';

alter table public.payment_schedules enable row level security;
revoke all on public.payment_schedules from public, anon, authenticated, service_role;
grant select on public.payment_schedules to authenticated, service_role;
create policy payment_schedules_select_own on public.payment_schedules for select to authenticated
using (user_id = (select auth.uid()) or (select private.is_admin()));

create function private.schedule_rank(p_status public.schedule_status) returns integer
language sql immutable set search_path = ''
return case p_status when 'requested' then 0 when 'unknown' then 0 when 'scheduled' then 1 when 'started' then 2 when 'pending' then 3 else 4 end;
comment on function private.schedule_rank(public.schedule_status) is 'A schedule''s life goes one way.';
revoke all on function private.schedule_rank(public.schedule_status) from public, anon, authenticated, service_role;

create function private.apply_schedule(p_snapshot jsonb, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  known public.payment_schedules;
  new_status public.schedule_status;
  failed constant jsonb := '{"code": "PAYMENT_SCHEDULE_FAILED", "message": "PortOne could not make this payment; nothing was charged."}';
begin
  select * into known from public.payment_schedules as schedules
  where schedules.payment_id = p_snapshot ->> 'payment_id'
  for no key update;
  if not found then
    return;
  end if;
  new_status := case p_snapshot ->> 'status'
    when 'SCHEDULED' then 'scheduled' when 'STARTED' then 'started' when 'PENDING' then 'pending' when 'SUCCEEDED' then 'succeeded'
    when 'FAILED' then 'failed' when 'REVOKED' then 'revoked' else 'unknown'
  end;
  update public.payment_schedules
  set schedule_id = coalesce(known.schedule_id, p_snapshot ->> 'schedule_id'),
    status = case when private.schedule_rank(new_status) > private.schedule_rank(known.status) then new_status else known.status end,
    completed_at = coalesce(known.completed_at, private.time_of(p_snapshot ->> 'completed_at')),
    revoked_at = coalesce(known.revoked_at, private.time_of(p_snapshot ->> 'revoked_at')),
    failure = case when new_status = 'failed' then coalesce(known.failure, failed) else known.failure end,
    updated_at = p_now
  where id = known.id;
  if new_status = 'revoked' then
    update public.payments set status = 'expired', is_live = false, updated_at = p_now
    where payments.payment_id = known.payment_id and payments.portone_status is null and payments.status in ('preparing', 'ready');
    if found then
      perform private.append_event(known.payment_id, 'status_changed', 'ready', 'expired', '{"reason": "schedule_revoked"}', 'portone', p_now);
    end if;
  elsif new_status = 'failed' then
    -- Failed without a payment: the card was gone when its time came.
    update public.payments set status = 'failed', is_live = false, failed_at = p_now, failure = failed, updated_at = p_now
    where payments.payment_id = known.payment_id and payments.portone_status is null and payments.status in ('preparing', 'ready');
    if found then
      perform private.append_event(known.payment_id, 'status_changed', 'ready', 'failed', '{"reason": "schedule_failed"}', 'portone', p_now);
    end if;
  end if;
end
$$;
comment on function private.apply_schedule(jsonb, timestamptz) is 'What PortOne says of a schedule. Revoked, or failed without a payment: its payment will never be, and the order is free. The caller holds the payment''s lane or the card''s.';
revoke all on function private.apply_schedule(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.follow_schedule(p_payment_id text, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  update public.payment_schedules as schedules
  set status = case when private.is_settled(payments.portone_status) then 'succeeded' else 'failed' end::public.schedule_status,
    failure = case when payments.portone_status = 'FAILED' then payments.failure end,
    completed_at = p_now, updated_at = p_now
  from public.payments
  where payments.payment_id = p_payment_id and schedules.payment_id = p_payment_id
    and schedules.status not in ('succeeded', 'failed', 'revoked')
    and (private.is_settled(payments.portone_status) or payments.portone_status = 'FAILED')
$$;
comment on function private.follow_schedule(text, timestamptz) is 'A schedule''s outcome arrives as its payment''s state: there are no schedule webhooks.';
revoke all on function private.follow_schedule(text, timestamptz) from public, anon, authenticated, service_role;

create function private.sync_later(p_payment_id text, p_at timestamptz, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  insert into queue.jobs (kind, lane, state, run_at, max_failures, payload, created_at)
  select 'sync_payment', 'payment:' || p_payment_id, 'scheduled', p_at, private.read_patience(), jsonb_build_object('payment_id', p_payment_id), p_now
$$;
comment on function private.sync_later(text, timestamptz, timestamptz) is 'Has a payment read back at a later time, whether or not a webhook comes.';
revoke all on function private.sync_later(text, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function private.read_schedule(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  snapshot jsonb;
  schedule public.payment_schedules;
begin
  for snapshot in
    select value from jsonb_array_elements(case jsonb_typeof(p_outcome -> 'schedules') when 'array' then p_outcome -> 'schedules' else '[]' end)
  loop
    if snapshot ->> 'payment_id' is distinct from p_job.payload ->> 'payment_id' then
      perform private.fail('422', 'SNAPSHOT_FOR_ANOTHER_PAYMENT', format('A schedule of job %s is not of its payment.', p_job.id), p_name || '.schedules', 'Send only the schedule the job names.');
    end if;
    perform private.apply_schedule(snapshot, p_now);
    select * into schedule from public.payment_schedules as schedules where schedules.payment_id = p_job.payload ->> 'payment_id';
    if schedule.status not in ('succeeded', 'failed', 'revoked') and p_now between schedule.time_to_pay and schedule.time_to_pay + interval '3 days'
      and not exists (select from queue.jobs where jobs.lane = p_job.lane and jobs.state = 'scheduled') then
      perform private.sync_later(schedule.payment_id, p_now + interval '1 hour', p_now);
    end if;
  end loop;
end
$$;
comment on function private.read_schedule(queue.jobs, jsonb, text, timestamptz) is
  'A payment PortOne does not know yet was read with its schedule: one that failed without a payment ends, one PortOne is late with is asked for again, hourly for three days.';
revoke all on function private.read_schedule(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function private.settle_schedule(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  schedule public.payment_schedules;
  undecided private.operation_attempts;
  snapshot jsonb;
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  if jsonb_typeof(p_outcome -> 'attempt') = 'object' then
    perform private.record_operation_attempt(p_job.operation_id, p_outcome -> 'attempt', p_now);
  end if;
  perform private.job_snapshots(p_job, p_outcome, p_name, p_now);
  for snapshot in
    select value from jsonb_array_elements(case jsonb_typeof(p_outcome -> 'schedules') when 'array' then p_outcome -> 'schedules' else '[]' end)
  loop
    if snapshot ->> 'payment_id' is distinct from p_job.payload ->> 'payment_id' then
      perform private.fail('422', 'SNAPSHOT_FOR_ANOTHER_PAYMENT', format('A schedule of job %s is not of its payment.', p_job.id), p_name || '.schedules', 'Send only the schedule the job names.');
    end if;
    perform private.apply_schedule(snapshot, p_now);
  end loop;
  select * into schedule from public.payment_schedules as schedules where schedules.payment_id = p_job.payload ->> 'payment_id';
  select * into undecided from private.operation_attempts as attempts
  where attempts.operation_id = p_job.operation_id and attempts.decided_at is null;

  if p_job.kind = 'create_schedule' then
    if schedule.schedule_id is not null or exists (
      select from public.payments where payments.payment_id = schedule.payment_id and private.is_settled(payments.portone_status)
    ) then
      -- Taken, or executed before its id could be read.
      answer.verdict := 'done';
      perform private.follow_schedule(schedule.payment_id, p_now);
    elsif undecided.number is not null then
      if p_now < undecided.sent_at + private.idempotency_window() then
        answer.verdict := case answer.verdict when 'dead' then 'dead' else 'retry' end;
      elsif p_outcome -> 'not_found' = 'true' and undecided.absent_since is null then
        update private.operation_attempts as attempts set absent_since = p_now
        where attempts.operation_id = undecided.operation_id and attempts.number = undecided.number;
        answer.verdict := 'retry';
        answer.retry_in := 60;
      elsif p_outcome -> 'not_found' = 'true' and p_now >= undecided.absent_since + interval '60 seconds' then
        answer.verdict := 'failed';
        answer.error := jsonb_build_object('code', 'NOT_EXECUTED', 'message', 'PortOne never took this schedule.');
      else
        answer.verdict := case when p_now > p_job.give_up_at or answer.verdict in ('dead', 'failed') then 'dead' else 'retry' end;
      end if;
    elsif answer.verdict = 'done' then
      answer.verdict := 'retry';
    end if;
    if answer.verdict = 'done' then
      update public.payments set status = 'ready', updated_at = p_now where payments.payment_id = schedule.payment_id and payments.status = 'preparing';
      if found then
        perform private.append_event(schedule.payment_id, 'status_changed', 'preparing', 'ready', jsonb_build_object('time_to_pay', private.iso(schedule.time_to_pay)), 'create_schedule', p_now);
        -- No webhook announces a schedule: ask by ourselves shortly after its time.
        perform private.sync_later(schedule.payment_id, schedule.time_to_pay + interval '10 minutes', p_now);
      end if;
    elsif answer.verdict = 'failed' then
      update public.payment_schedules set status = 'failed', failure = answer.error, completed_at = p_now, updated_at = p_now where id = schedule.id;
      perform private.abandon_payment(schedule.payment_id, answer.error, p_now);
    end if;
    if answer.verdict in ('done', 'failed') then
      update private.operation_attempts as attempts
      set decided_at = p_now, body = null, outcome = case answer.verdict when 'done' then 'succeeded' else 'failed' end
      where attempts.operation_id = p_job.operation_id and attempts.decided_at is null;
    end if;
  elsif answer.verdict = 'done' and schedule.status not in ('revoked', 'succeeded', 'failed') then
    answer.verdict := 'retry';
  elsif answer.verdict = 'done' and schedule.status <> 'revoked' then
    answer.verdict := 'failed';
    answer.error := jsonb_build_object('code', 'PAYMENT_SCHEDULE_ALREADY_PROCESSED', 'message', 'The charge has taken place already; refund it instead.');
  end if;
  answer.result := jsonb_build_object('scheduleId', schedule.id, 'paymentId', schedule.payment_id, 'status', schedule.status,
    'timeToPay', private.iso(schedule.time_to_pay));
  return answer;
end
$$;
comment on function private.settle_schedule(queue.jobs, jsonb, text, timestamptz) is 'Ends the making or revoking of a schedule by what PortOne says of it.';
revoke all on function private.settle_schedule(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;
