-- "Why does this payment hang?" answered in one call: the timeline, what was sent, what waits for what, what needs a person.

create function private.explain_sends(p_payment_id text) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('cancellation', refunds.id)) || jsonb_build_object(
    'kind', operations.kind, 'operation', operations.id, 'number', attempts.number,
    'job', attempts.job_id, 'idempotency_key', attempts.idempotency_key, 'sent_at', private.iso(attempts.sent_at),
    'last_sent_at', private.iso(attempts.last_sent_at), 'outcome', attempts.outcome, 'error', attempts.error,
    'decided_at', private.iso(attempts.decided_at), 'repeatable_until', private.iso(attempts.sent_at + private.idempotency_window())
  ) order by attempts.sent_at), '[]')
  from private.attempts
  join public.payment_operations as operations on operations.id = attempts.operation_id
  left join public.payment_cancellations as refunds on refunds.operation_id = attempts.operation_id
  where attempts.payment_id = p_payment_id
$$;
comment on function private.explain_sends(text) is 'Every send of a call that moves money about this payment, oldest first, without its body.';
revoke all on function private.explain_sends(text) from public, anon, authenticated, service_role;

create function private.explain_jobs(p_payment_id text) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(told) order by told.id), '[]')
  from (
    -- One branch for each partial index on a lane.
    select
      jobs.id, jobs.kind, jobs.state, jobs.failures, private.iso(jobs.run_at) as run_at, private.iso(jobs.lease_until) as lease_until,
      jobs.worker, jobs.last_error as error, private.iso(jobs.give_up_at) as give_up_at, private.iso(jobs.created_at) as created_at,
      jobs.operation_id, jobs.payload ->> 'request_id' as request_id, null::text as reason
    from queue.jobs
    where jobs.lane = 'payment:' || p_payment_id and jobs.state in ('ready', 'running', 'backoff')
    union all
    select
      jobs.id, jobs.kind, jobs.state, jobs.failures, private.iso(jobs.run_at), private.iso(jobs.lease_until),
      jobs.worker, jobs.last_error, private.iso(jobs.give_up_at), private.iso(jobs.created_at),
      jobs.operation_id, jobs.payload ->> 'request_id', null
    from queue.jobs
    where jobs.lane = 'payment:' || p_payment_id and jobs.state = 'waiting'
    union all
    select
      jobs.id, jobs.kind, jobs.state, jobs.failures, private.iso(jobs.run_at), private.iso(jobs.lease_until),
      jobs.worker, jobs.last_error, private.iso(jobs.give_up_at), private.iso(jobs.created_at),
      jobs.operation_id, jobs.payload ->> 'request_id', null
    from queue.jobs
    where jobs.lane = 'payment:' || p_payment_id and jobs.state = 'scheduled'
    union all
    select
      buried.id, buried.kind, 'dead', buried.failures, null, null, null, buried.error, null, private.iso(buried.died_at),
      buried.operation_id, buried.payload ->> 'request_id', buried.reason
    from queue.dead as buried
    where buried.resolved_at is null and buried.lane = 'payment:' || p_payment_id
  ) as told
$$;
comment on function private.explain_jobs(text) is
  'What is still to be done about this payment: its lane''s jobs with state, failures, next run and last error, and the dead ones (created_at is then when it died).';
revoke all on function private.explain_jobs(text) from public, anon, authenticated, service_role;

create function private.explain_payment(p_payment_id text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  told jsonb;
  timeline jsonb;
begin
  if not private.is_operator() then
    perform private.caller(); -- whoever is nobody is told to sign in
    perform private.fail('403', 'ADMIN_REQUIRED', 'Only admins may read a payment''s whole story.', null, 'Sign in as an admin.');
  end if;
  if coalesce(p_payment_id, '') = '' then
    perform private.fail('422', 'PAYMENT_ID_REQUIRED', 'payment_id is required.', 'payment_id', 'Send the payment''s id.');
  end if;
  select jsonb_build_object(
    'payment_id', payments.payment_id, 'status', payments.status, 'portone_status', payments.portone_status,
    'order_id', payments.order_id, 'order_name', payments.order_name, 'user_id', payments.user_id, 'currency', payments.currency,
    'amount', payments.amount, 'paid_amount', payments.paid_amount, 'cancelled_amount', payments.cancelled_amount,
    'reserved_amount', payments.reserved_amount, 'cancellable_amount', payments.cancellable_amount,
    'tax_free_amount', payments.tax_free_amount, 'discrepancies', to_jsonb(payments.discrepancies), 'origin', payments.origin,
    'pay_method', coalesce(payments.portone_pay_method, payments.pay_method), 'pg_provider', payments.pg_provider,
    'store_id', payments.store_id, 'channel_kind', payments.channel_kind, 'failure', payments.failure,
    'refund_status', payments.refund_status, 'virtual_account_bank', payments.virtual_account_bank,
    'virtual_account_expires_at', private.iso(payments.virtual_account_expires_at),
    'created_at', private.iso(payments.created_at), 'paid_at', private.iso(payments.paid_at),
    'read_at', private.iso(payments.portone_updated_at)
  ) into told
  from public.payments where payments.payment_id = p_payment_id;
  select jsonb_agg(jsonb_build_object('at', private.iso(entries.at), 'source', entries.source, 'what', entries.what, 'detail', entries.detail))
  into timeline
  from public.payment_timeline as entries where entries.payment_id = p_payment_id;
  if told is null and timeline is null then
    perform private.fail('404', 'PAYMENT_NOT_FOUND', 'There is no such payment.', 'payment_id', 'Send payments.payment_id.');
  end if;
  return jsonb_build_object(
    'now', private.iso(private.now()), 'payment', told, 'timeline', coalesce(timeline, '[]'),
    'refunds', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', refunds.id, 'status', refunds.status, 'amount', refunds.amount, 'held_amount', refunds.held_amount,
        'reason', refunds.reason, 'requester', refunds.requester, 'operation', refunds.operation_id, 'cancellation_id', refunds.cancellation_id,
        'failure', refunds.failure, 'created_at', private.iso(refunds.created_at), 'sent_at', private.iso(refunds.sent_at),
        'cancelled_at', private.iso(refunds.cancelled_at)
      ) order by refunds.number), '[]')
      from public.payment_cancellations as refunds where refunds.payment_id = p_payment_id
    ),
    'sends', private.explain_sends(p_payment_id),
    'jobs', private.explain_jobs(p_payment_id),
    'findings', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', findings.id, 'kind', findings.kind, 'subject', findings.subject, 'detail', findings.detail, 'seen', findings.seen,
        'first_seen_at', private.iso(findings.first_seen_at)
      ) order by findings.id), '[]')
      from public.drift_findings as findings
      where findings.closed_at is null and (
        findings.subject = p_payment_id
        or findings.subject in (select refunds.id::text from public.payment_cancellations as refunds where refunds.payment_id = p_payment_id)
        or findings.subject in (select attempts.operation_id::text from private.attempts where attempts.payment_id = p_payment_id)
      )
    )
  );
end
$$;
comment on function private.explain_payment(text) is 'Behind public.explain_payment; operators only.';
revoke all on function private.explain_payment(text) from public, anon, authenticated, service_role;
grant execute on function private.explain_payment(text) to authenticated, service_role;

create function public.explain_payment(payment_id text) returns jsonb
language sql stable set search_path = ''
return private.explain_payment(payment_id);
comment on function public.explain_payment(text) is
  'Operators: everything about one payment: how it stands, its timeline, refunds, sends of money calls (no bodies), the jobs of its lane, dead jobs, open findings. Times are RFC 3339. Refuses SIGN_IN_REQUIRED, ADMIN_REQUIRED, PAYMENT_ID_REQUIRED, PAYMENT_NOT_FOUND.';
revoke all on function public.explain_payment(text) from public, anon, authenticated, service_role;
grant execute on function public.explain_payment(text) to authenticated, service_role;

notify pgrst, 'reload schema';
