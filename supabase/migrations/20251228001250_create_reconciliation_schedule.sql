-- When PortOne is compared with us without anybody asking: lists every ten minutes, all of them daily, open payments with decay.

create type public.reconciliation_tick as (sweeps integer, polls integer, overdue integer, more boolean);

create table private.polls (
  payment_id text primary key references public.payments (payment_id) on delete cascade,
  polls smallint not null default 0,
  next_at timestamptz not null
);
comment on table private.polls is 'How often an open payment has been read back without anybody asking, and when it is next.';
alter table private.polls enable row level security;
revoke all on private.polls from public, anon, authenticated, service_role;

create index payments_open_idx on public.payments (updated_at) where status in ('ready', 'pay_pending', 'virtual_account_issued');
comment on index public.payments_open_idx is 'poll_open_payments: what may still change by itself.';
create index payment_cancellations_accepted_idx on public.payment_cancellations (payment_id) where status = 'requested' and cancellation_id is not null;
comment on index public.payment_cancellations_accepted_idx is 'poll_open_payments: PortOne announces no failure of a cancellation it has accepted.';

create function private.poll_open_payments(p_max integer, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  due record;
  polled integer := 0;
begin
  for due in
    select open_payments.payment_id, coalesce(polls.polls, 0) as polls
    from (
      select payments.payment_id, payments.updated_at from public.payments
      where payments.status in ('ready', 'pay_pending', 'virtual_account_issued') and payments.origin <> 'legacy'
        -- a charge in the future is asked about by itself, at its time
        and not exists (
          select from public.payment_schedules as schedules
          where schedules.payment_id = payments.payment_id and schedules.status in ('requested', 'scheduled') and schedules.time_to_pay > p_now
        )
      union
      select payments.payment_id, payments.updated_at from public.payments
      where payments.payment_id in (
        select refunds.payment_id from public.payment_cancellations as refunds where refunds.status = 'requested' and refunds.cancellation_id is not null
      )
    ) as open_payments
    left join private.polls on polls.payment_id = open_payments.payment_id
    where coalesce(polls.next_at, open_payments.updated_at + interval '15 minutes') <= p_now
    order by coalesce(polls.next_at, open_payments.updated_at)
    limit p_max
  loop
    if not pg_try_advisory_xact_lock(private.lane_key('payment:' || due.payment_id)) then
      continue;
    end if;
    perform private.sync_job(due.payment_id, p_now);
    -- 30 minutes, 1 hour, 2 hours … twice a day
    insert into private.polls as known (payment_id, polls, next_at)
    values (due.payment_id, 1, p_now + interval '30 minutes')
    on conflict (payment_id) do update
    set polls = least(known.polls + 1, 32000)::smallint, next_at = p_now + least(interval '15 minutes' * power(2, least(known.polls + 1, 10)), interval '12 hours');
    polled := polled + 1;
  end loop;
  return polled;
end
$$;
comment on function private.poll_open_payments(integer, timestamptz) is
  'Reads back payments that may change without a word (windows, accounts that wait for a deposit, approvals and cancellations that are pending), first after 15 minutes, then ever more rarely down to twice a day. Returns how many.';
revoke all on function private.poll_open_payments(integer, timestamptz) from public, anon, authenticated, service_role;

create function private.forget_polls(p_max integer) returns void
language sql set search_path = ''
as $$
  delete from private.polls
  where polls.payment_id in (
    select over.payment_id from private.polls as over
    join public.payments on payments.payment_id = over.payment_id
    where payments.status not in ('ready', 'pay_pending', 'virtual_account_issued')
      and not exists (
        select from public.payment_cancellations as refunds
        where refunds.payment_id = over.payment_id and refunds.status = 'requested' and refunds.cancellation_id is not null
      )
    limit p_max
  )
$$;
comment on function private.forget_polls(integer) is 'Payments that are open no longer are not followed any more.';
revoke all on function private.forget_polls(integer) from public, anon, authenticated, service_role;

create function private.schedule_sweep(p_store_id text, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  sweep_lane constant text := 'reconcile:' || p_store_id;
  began timestamptz;
  mark timestamptz;
  compared timestamptz;
begin
  if exists (select from queue.jobs where jobs.lane = sweep_lane) then
    return 0;
  end if;
  select min(done.from_at) filter (where done.kind = 'start'), max(done.until_at), max(done.finished_at) filter (where done.kind in ('compare', 'start'))
  into began, mark, compared
  from public.reconciliations as done where done.store_id = p_store_id and done.kind <> 'by_hand';
  if mark is null then
    -- What was there before us is compared only when somebody asks for it.
    insert into public.reconciliations (store_id, kind, from_at, until_at, source, finished_at)
    values (p_store_id, 'start', p_now, p_now, 'none', p_now);
    return 0;
  end if;
  if compared <= p_now - interval '1 day' then
    perform private.add_job('compare_payments', sweep_lane, jsonb_build_object('store_id', p_store_id,
      'from', private.iso(greatest(began, p_now - interval '90 days')), 'until', private.iso(p_now)), p_now);
    return 1;
  elsif mark <= p_now - interval '10 minutes' then
    -- Overlap: PortOne's own tries to tell us take six hours, and lists lag.
    perform private.add_job('sweep_payments', sweep_lane, jsonb_build_object('store_id', p_store_id,
      'from', private.iso(greatest(coalesce(began, mark), mark - interval '6 hours')), 'until', private.iso(p_now)), p_now);
    return 1;
  end if;
  return 0;
end
$$;
comment on function private.schedule_sweep(text, timestamptz) is
  'The next comparison of a store, when it is due and none is under way: a window from six hours before the high-water mark every ten minutes, the last 90 days daily.';
revoke all on function private.schedule_sweep(text, timestamptz) from public, anon, authenticated, service_role;

create function private.settle_sweep(p_job queue.jobs, p_outcome jsonb, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  result constant jsonb := p_outcome -> 'result';
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  if answer.verdict = 'done' then
    insert into public.reconciliations (store_id, kind, from_at, until_at, source, seen, different, finished_at)
    values (
      p_job.payload ->> 'store_id', case p_job.kind when 'compare_payments' then 'compare' else 'sweep' end,
      (p_job.payload ->> 'from')::timestamptz, (p_job.payload ->> 'until')::timestamptz,
      coalesce(result ->> 'source', 'payments'), coalesce(private.number_of(result ->> 'seen'), 0)::integer,
      coalesce(private.number_of(result ->> 'different'), 0)::integer, p_now
    );
    delete from public.reconciliations as old
    where old.store_id = p_job.payload ->> 'store_id' and old.kind <> 'start' and old.until_at < p_now - interval '90 days';
  end if;
  return answer;
end
$$;
comment on function private.settle_sweep(queue.jobs, jsonb, timestamptz) is 'A window has been compared to its end: the store''s high-water mark moves.';
revoke all on function private.settle_sweep(queue.jobs, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.schedule_reconciliation(stores text[]) returns public.reconciliation_tick
language plpgsql security definer set search_path = ''
as $$
declare
  v_now constant timestamptz := private.now();
  tick public.reconciliation_tick;
  watched record;
  store text;
begin
  tick := row(0, 0, 0, false);
  if cardinality(schedule_reconciliation.stores) > 50 then
    perform private.fail('422', 'BATCH_TOO_LARGE', 'At most 50 stores a call.', 'stores', 'Split the call.', '{"max": 50}');
  end if;
  -- One at a time: workers that ask together do not double anything.
  if not pg_try_advisory_xact_lock(private.lane_key('reconciliation')) then
    return tick;
  end if;
  foreach store in array coalesce(schedule_reconciliation.stores, '{}') loop
    if store is not null then
      tick.sweeps := tick.sweeps + private.schedule_sweep(store, v_now);
    end if;
  end loop;
  tick.polls := private.poll_open_payments(100, v_now);
  perform private.forget_polls(1000);
  watched := private.watch_webhooks(100, v_now);
  tick.overdue := watched.overdue;
  tick.more := tick.polls = 100 or watched.more;
  return tick;
end
$$;
comment on function public.schedule_reconciliation(text[]) is
  'Enqueues what reconciliation is due: comparisons of these stores with PortOne''s lists, read-backs of open payments, and of payments whose webhook never came. Any number of workers may call it at any time. more = true: call again.';
revoke all on function public.schedule_reconciliation(text[]) from public, anon, authenticated, service_role;
grant execute on function public.schedule_reconciliation(text[]) to service_role;

create function public.finish_reconciliation(store_id text, from_at timestamptz, until_at timestamptz, source text, seen integer, different integer) returns bigint
language sql security definer set search_path = ''
as $$
  insert into public.reconciliations (store_id, kind, from_at, until_at, source, seen, different, finished_at)
  values (store_id, 'by_hand', from_at, until_at, source, seen, different, private.now())
  returning id
$$;
comment on function public.finish_reconciliation(text, timestamptz, timestamptz, text, integer, integer) is
  'portone-worker reconcile has compared a window of a store to its end.';
revoke all on function public.finish_reconciliation(text, timestamptz, timestamptz, text, integer, integer) from public, anon, authenticated, service_role;
grant execute on function public.finish_reconciliation(text, timestamptz, timestamptz, text, integer, integer) to service_role;
