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
using (user_id between (select private.first_visible_user()) and (select private.last_visible_user()));

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
comment on function private.apply_schedule(jsonb, timestamptz) is 'What PortOne says of a schedule. Revoked, or failed without a payment: its payment will never be, and the order is free. The caller holds the payment''s lane.';
revoke all on function private.apply_schedule(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.follow_schedule(p_payment_id text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  if not exists (select from public.payment_schedules as schedules where schedules.payment_id = p_payment_id) then
    return;
  end if;
  update public.payment_schedules as schedules
  set status = case when private.is_settled(payments.portone_status) then 'succeeded' else 'failed' end::public.schedule_status,
    failure = case when payments.portone_status = 'FAILED' then payments.failure end,
    completed_at = p_now, updated_at = p_now
  from public.payments
  where payments.payment_id = p_payment_id and schedules.payment_id = p_payment_id
    and schedules.status not in ('succeeded', 'failed', 'revoked')
    and (private.is_settled(payments.portone_status) or payments.portone_status = 'FAILED');
end
$$;
comment on function private.follow_schedule(text, timestamptz) is 'A schedule''s outcome arrives as its payment''s state: there are no schedule webhooks.';
revoke all on function private.follow_schedule(text, timestamptz) from public, anon, authenticated, service_role;

create function private.job_schedules(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  snapshot jsonb;
begin
  for snapshot in
    select value from jsonb_array_elements(case jsonb_typeof(p_outcome -> 'schedules') when 'array' then p_outcome -> 'schedules' else '[]' end)
  loop
    if snapshot ->> 'payment_id' is distinct from p_job.payload ->> 'payment_id' then
      perform private.fail('422', 'SNAPSHOT_FOR_ANOTHER_PAYMENT', format('A schedule of job %s is not of its payment.', p_job.id), p_name || '.schedules', 'Send only the schedule the job names.');
    end if;
    perform private.apply_schedule(snapshot, p_now);
  end loop;
end
$$;
comment on function private.job_schedules(queue.jobs, jsonb, text, timestamptz) is 'Applies the schedules a job learned; they must be of the payment whose lane it holds.';
revoke all on function private.job_schedules(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function private.read_schedule(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  schedule public.payment_schedules;
begin
  if jsonb_typeof(p_outcome -> 'schedules') is distinct from 'array' or p_outcome -> 'schedules' = '[]' then
    return;
  end if;
  perform private.job_schedules(p_job, p_outcome, p_name, p_now);
  select * into schedule from public.payment_schedules as schedules where schedules.payment_id = p_job.payload ->> 'payment_id';
  if schedule.status not in ('succeeded', 'failed', 'revoked') and p_now between schedule.time_to_pay and schedule.time_to_pay + interval '3 days'
    and not exists (select from queue.jobs where jobs.lane = p_job.lane and jobs.state = 'scheduled') then
    perform private.sync_later(schedule.payment_id, p_now + interval '1 hour', p_now);
  end if;
end
$$;
comment on function private.read_schedule(queue.jobs, jsonb, text, timestamptz) is
  'A payment PortOne does not know yet was read with its schedule: one that failed without a payment ends, one PortOne is late with is asked for again, hourly for three days.';
revoke all on function private.read_schedule(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function private.end_schedule_request(p_payment_id text, p_verdict text, p_error jsonb, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  schedule public.payment_schedules;
begin
  if p_verdict = 'failed' then
    update public.payment_schedules set status = 'failed', failure = p_error, completed_at = p_now, updated_at = p_now
    where payment_schedules.payment_id = p_payment_id and payment_schedules.status not in ('succeeded', 'failed', 'revoked');
    return;
  end if;
  perform private.follow_schedule(p_payment_id, p_now);
  update public.payments set status = 'ready', updated_at = p_now where payments.payment_id = p_payment_id and payments.status = 'preparing';
  if found then
    select * into schedule from public.payment_schedules as schedules where schedules.payment_id = p_payment_id;
    perform private.append_event(p_payment_id, 'status_changed', 'preparing', 'ready', jsonb_build_object('time_to_pay', private.iso(schedule.time_to_pay)), 'create_schedule', p_now);
    -- No webhook announces a schedule: ask by ourselves shortly after its time.
    perform private.sync_later(p_payment_id, schedule.time_to_pay + interval '10 minutes', p_now);
  end if;
end
$$;
comment on function private.end_schedule_request(text, text, jsonb, timestamptz) is
  'PortOne has taken a schedule (or its charge has taken place already), or never did: the payment waits for its time, or the schedule has failed.';
revoke all on function private.end_schedule_request(text, text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.schedule_summary(p_payment_id text) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('scheduleId', schedules.id, 'paymentId', schedules.payment_id, 'status', schedules.status,
    'timeToPay', private.iso(schedules.time_to_pay))
  from public.payment_schedules as schedules where schedules.payment_id = p_payment_id
$$;
comment on function private.schedule_summary(text) is 'How a schedule stands, as an operation''s result tells it.';
revoke all on function private.schedule_summary(text) from public, anon, authenticated, service_role;

create function private.settle_revocation(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  subject constant text := p_job.payload ->> 'payment_id';
  schedule public.payment_schedules;
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  perform private.job_snapshots(p_job, p_outcome, p_name, p_now);
  perform private.job_schedules(p_job, p_outcome, p_name, p_now);
  perform private.follow_schedule(subject, p_now);
  -- Its making may never have been decided: what was found, or not, decides that too.
  perform private.decide_by_reading(subject, false, false, p_outcome -> 'schedule_not_found' = 'true', p_job.operation_id, p_now);
  select * into schedule from public.payment_schedules as schedules where schedules.payment_id = subject;

  if answer.verdict in ('done', 'retry') then
    if schedule.status = 'revoked' then
      answer.verdict := 'done';
    elsif schedule.status = 'succeeded' then
      answer.verdict := 'failed';
      answer.error := jsonb_build_object('code', 'PAYMENT_SCHEDULE_ALREADY_PROCESSED', 'message', 'The charge has taken place already; refund it instead.');
    elsif schedule.status = 'failed' then
      answer.verdict := 'failed';
      answer.error := coalesce(schedule.failure, '{}') || jsonb_build_object('code', 'PAYMENT_SCHEDULE_FAILED', 'message', 'The schedule has failed; nothing was charged and nothing will be.');
    else
      answer.verdict := 'retry';
    end if;
  end if;
  if answer.verdict = 'done' then
    answer.error := null;
  end if;
  answer.result := private.schedule_summary(subject);
  return answer;
end
$$;
comment on function private.settle_revocation(queue.jobs, jsonb, text, timestamptz) is
  'Ends the revocation of a schedule by what PortOne says of it: revoked is what was asked for; a charge that has taken place is not taken back.';
revoke all on function private.settle_revocation(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;
