-- The webhook that never came: PortOne must have announced every change of a payment we learned of by reading.

create table private.watch_marks (
  name text primary key,
  at timestamptz not null
);
comment on table private.watch_marks is 'Up to when payment_events have been looked through for the webhooks that should have followed.';
alter table private.watch_marks enable row level security;
revoke all on private.watch_marks from public, anon, authenticated, service_role;

create function private.expected_webhook(p_from public.payment_status, p_to public.payment_status) returns text
language sql immutable set search_path = ''
return case p_to
  when 'paid' then 'Transaction.Paid'
  when 'virtual_account_issued' then 'Transaction.VirtualAccountIssued'
  when 'pay_pending' then 'Transaction.PayPending'
  -- An account that was closed or has run out becomes FAILED too: whether anything announces that is not documented.
  when 'failed' then case when p_from is distinct from 'virtual_account_issued' then 'Transaction.Failed' end
  when 'partial_cancelled' then 'Transaction.PartialCancelled'
  when 'cancelled' then 'Transaction.Cancelled'
end;
comment on function private.expected_webhook(public.payment_status, public.payment_status) is
  'Which webhook PortOne sends when a payment enters a state from another, whoever caused it (version 2024-04-25; we never send skipWebhook). Ready is left out: nothing depends on it; so is an account that was closed.';
revoke all on function private.expected_webhook(public.payment_status, public.payment_status) from public, anon, authenticated, service_role;

create function private.webhook_patience() returns interval
language sql immutable set search_path = ''
return interval '30 minutes';
comment on function private.webhook_patience() is 'PortOne tries at once and after 1, 5 and 21 minutes: by then four of six tries have failed.';
revoke all on function private.webhook_patience() from public, anon, authenticated, service_role;

create function private.has_come(p_payment_id text, p_webhook_type text, p_since timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.webhook_logs as logs
    where logs.payment_id = p_payment_id and logs.webhook_type = p_webhook_type
      and (p_since is null or coalesce(logs.event_at, logs.created_at) >= p_since - interval '5 minutes')
  ) or exists (
    select from public.webhook_logs as logs
    where logs.payment_id is null and logs.subject_kind = 'payment' and logs.subject_id = p_payment_id and logs.webhook_type = p_webhook_type
  )
$$;
comment on function private.has_come(text, text, timestamptz) is 'Whether a delivery of this type about this payment is in the log, of an event not before a moment.';
revoke all on function private.has_come(text, text, timestamptz) from public, anon, authenticated, service_role;

create function private.miss_webhook(p_payment_id text, p_missing jsonb, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into public.drift_findings as finding (kind, subject, detail, first_seen_at, last_seen_at)
  values ('webhook_overdue', p_payment_id, jsonb_build_object('payment_id', p_payment_id, 'missing', jsonb_build_array(p_missing)), p_now, p_now)
  on conflict (kind, subject) where closed_at is null
  -- Another one of the same payment: both are waited for, and PortOne is asked again.
  do update set seen = finding.seen + 1, last_seen_at = excluded.last_seen_at,
    detail = finding.detail - 'asked_at' - 'resend' || jsonb_build_object('missing', finding.detail -> 'missing' || p_missing);
end
$$;
comment on function private.miss_webhook(text, jsonb, timestamptz) is
  'Opens the finding webhook_overdue of a payment, or adds one more webhook that has not come ({expected, status_changed_at, learned_at}) to detail.missing.';
revoke all on function private.miss_webhook(text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.close_arrived(p_max integer, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  with looked_at as materialized (
    select findings.id, findings.subject, findings.detail -> 'missing' as missing from public.drift_findings as findings
    where findings.kind = 'webhook_overdue' and findings.closed_at is null
    -- After an outage there may be very many: each gets its turn, and none is stuck behind others.
    order by random()
    limit p_max
    -- One that is held is being settled: it is not waited for.
    for no key update skip locked
  ),
  left_over as (
    select looked_at.id, looked_at.missing, jsonb_agg(webhooks.value) filter (
      where not private.has_come(looked_at.subject, webhooks.value ->> 'expected', private.time_of(webhooks.value ->> 'status_changed_at'))
    ) as missing_still
    from looked_at cross join jsonb_array_elements(looked_at.missing) as webhooks
    group by looked_at.id, looked_at.missing
  )
  update public.drift_findings as findings
  set detail = case when left_over.missing_still is null then findings.detail else jsonb_set(findings.detail, '{missing}', left_over.missing_still) end,
    closed_at = case when left_over.missing_still is null then p_now end,
    closed_how = case when left_over.missing_still is null then 'it has come' end
  from left_over
  where findings.id = left_over.id and left_over.missing_still is distinct from left_over.missing
$$;
comment on function private.close_arrived(integer, timestamptz) is
  'Looks at up to p_max payments with overdue webhooks, takes what has come after all off their lists and closes the findings with nothing left on it.';
revoke all on function private.close_arrived(integer, timestamptz) from public, anon, authenticated, service_role;

create function private.watch_webhooks(p_max integer, p_now timestamptz, out overdue integer, out more boolean)
language plpgsql set search_path = ''
as $$
declare
  until constant timestamptz := p_now - private.webhook_patience();
  most constant integer := 500;
  mark timestamptz;
  event record;
  finding record;
  looked_at integer := 0;
begin
  overdue := 0;
  perform private.close_arrived(most, p_now);

  insert into private.watch_marks (name, at) values ('webhooks', p_now) on conflict (name) do nothing;
  select marks.at into mark from private.watch_marks as marks where marks.name = 'webhooks';
  for event in
    select events.payment_id, events.from_status, events.to_status, events.created_at, private.time_of(events.snapshot ->> 'status_changed_at') as status_changed_at
    from public.payment_events as events
    where events.created_at > mark and events.created_at <= until
      and events.event_type = 'status_changed' and events.snapshot ? 'transaction_id'
    -- with ties: one settled batch has one moment, and the mark steps over all of it
    order by events.created_at
    fetch first (most) rows with ties
  loop
    looked_at := looked_at + 1;
    if private.expected_webhook(event.from_status, event.to_status) is not null
      and not private.has_come(event.payment_id, private.expected_webhook(event.from_status, event.to_status), event.status_changed_at) then
      perform private.miss_webhook(event.payment_id, jsonb_strip_nulls(jsonb_build_object(
        'expected', private.expected_webhook(event.from_status, event.to_status), 'status_changed_at', private.iso(event.status_changed_at),
        'learned_at', private.iso(event.created_at))), p_now);
      overdue := overdue + 1;
    end if;
    mark := event.created_at;
  end loop;
  more := looked_at >= most;
  -- What is no change of a payment is not looked through again and again.
  update private.watch_marks as marks set at = case when more then mark else greatest(mark, until) end where marks.name = 'webhooks';

  for finding in
    select findings.id, findings.subject, payments.store_id from public.drift_findings as findings
    join public.payments on payments.payment_id = findings.subject
    where findings.kind = 'webhook_overdue' and findings.closed_at is null and not findings.detail ? 'asked_at'
    order by findings.id
    limit p_max
  loop
    if pg_try_advisory_xact_lock(private.lane_key('payment:' || finding.subject)) then
      perform private.add_job('resend_webhook', 'payment:' || finding.subject,
        jsonb_strip_nulls(jsonb_build_object('payment_id', finding.subject, 'store_id', finding.store_id)), p_now, p_max_failures => private.read_patience());
      update public.drift_findings as findings set detail = findings.detail || jsonb_build_object('asked_at', private.iso(p_now))
      where findings.id = finding.id;
    end if;
  end loop;
  overdue := overdue + private.watch_schedules(p_max, p_now);
end
$$;
comment on function private.watch_webhooks(integer, timestamptz) is
  'Changes of payments we learned of by reading, half an hour ago, and whose webhook has not come: a finding, and a job that asks PortOne to send it again and reads the payment. Closes the findings of those that have come. Returns how many are new, and whether there are more events to look at.';
revoke all on function private.watch_webhooks(integer, timestamptz) from public, anon, authenticated, service_role;

create index payment_schedules_due_idx on public.payment_schedules (time_to_pay) where status in ('scheduled', 'started', 'pending');
comment on index public.payment_schedules_due_idx is 'watch_schedules: charges whose time has come and of which nothing was heard.';

create function private.watch_schedules(p_max integer, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  late record;
  overdue integer := 0;
begin
  update public.drift_findings as findings set closed_at = p_now, closed_how = 'schedule ' || schedules.status
  from public.payment_schedules as schedules
  where findings.kind = 'schedule_overdue' and findings.closed_at is null and schedules.payment_id = findings.subject
    and schedules.status in ('succeeded', 'failed', 'revoked');
  for late in
    select schedules.payment_id, schedules.time_to_pay from public.payment_schedules as schedules
    where schedules.status in ('scheduled', 'started', 'pending') and schedules.time_to_pay <= p_now - interval '1 hour'
      and not exists (
        select from public.drift_findings as findings
        where findings.kind = 'schedule_overdue' and findings.subject = schedules.payment_id and findings.closed_at is null
      )
    order by schedules.time_to_pay
    limit p_max
  loop
    if pg_try_advisory_xact_lock(private.lane_key('payment:' || late.payment_id)) then
      perform private.open_drift('schedule_overdue', late.payment_id, jsonb_build_object('payment_id', late.payment_id,
        'expected', 'Transaction.Paid or Transaction.Failed', 'time_to_pay', private.iso(late.time_to_pay)), p_now);
      perform private.sync_job(late.payment_id, p_now);
      overdue := overdue + 1;
    end if;
  end loop;
  return overdue;
end
$$;
comment on function private.watch_schedules(integer, timestamptz) is
  'Future charges whose time was an hour ago and that have neither succeeded nor failed: a finding, and they are read again. Closes the findings of those that have ended. Returns how many are new.';
revoke all on function private.watch_schedules(integer, timestamptz) from public, anon, authenticated, service_role;

create function private.note_resend(p_payment_id text, p_answer text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  if p_answer is null then
    return;
  end if;
  update public.drift_findings as findings
  set detail = findings.detail || jsonb_build_object('resend', p_answer),
    closed_at = case when p_answer = 'WEBHOOK_NOT_FOUND' then p_now end,
    closed_how = case when p_answer = 'WEBHOOK_NOT_FOUND' then 'read back; PortOne has no webhook of it to send' end
  where findings.kind = 'webhook_overdue' and findings.subject = p_payment_id and findings.closed_at is null;
end
$$;
comment on function private.note_resend(text, text, timestamptz) is
  'What PortOne answered to the wish to send a webhook again: a delivery''s status, or the type of its refusal. One it never made is not waited for.';
revoke all on function private.note_resend(text, text, timestamptz) from public, anon, authenticated, service_role;

notify pgrst, 'reload schema';
