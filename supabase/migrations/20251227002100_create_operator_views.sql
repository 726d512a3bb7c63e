-- What an operator looks at. Admins read these with their own token, the service role with its key, the migration role in
-- psql; everybody else finds them empty. The queue's tables can be read by nobody, so functions in private read them.

-- The views compare times with now; a time is no secret.
grant execute on function private.now() to authenticated, service_role;

create function private.is_operator() returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return private.is_admin() or pg_has_role(
    -- The role the API switched to, or who logged in: neither is changed by a definer function.
    case current_setting('role') when 'none' then session_user else current_setting('role')::name end, 'service_role', 'usage'
  );
end
$$;
comment on function private.is_operator() is
  'True for an admin''s token, the service role and whoever logs in with its rights (the migration role). Holds inside definer functions too.';
revoke all on function private.is_operator() from public, anon, authenticated, service_role;
grant execute on function private.is_operator() to authenticated, service_role;

create index webhook_logs_stray_idx on public.webhook_logs (subject_id) where payment_id is null and subject_kind = 'payment';
comment on index public.webhook_logs_stray_idx is 'payment_timeline: deliveries about a payment that was not known yet, or never.';

-- payment_timeline ---------------------------------------------------------------------------

create view public.payment_timeline with (security_invoker = on) as
select entries.payment_id, entries.at, entries.source, entries.what, entries.detail
from (
  select
    operations.payment_id, operations.created_at as at, 10 as place, 0 as number, 'operation' as source,
    operations.kind || ' requested' as what,
    jsonb_strip_nulls(jsonb_build_object(
      'operation', operations.id, 'requested_by', operations.requested_by, 'scope', operations.requester_scope, 'job', operations.job_id
    )) as detail
  from public.payment_operations as operations
  where operations.payment_id is not null
  union all
  select
    operations.payment_id, operations.finished_at, 50, 0, 'operation', operations.kind || ' ' || operations.status,
    jsonb_strip_nulls(jsonb_build_object('operation', operations.id, 'error', operations.error))
  from public.payment_operations as operations
  where operations.payment_id is not null and operations.finished_at is not null
  union all
  select
    refunds.payment_id, refunds.created_at, 20, 0, 'cancellation', 'refund ' || refunds.status,
    jsonb_strip_nulls(jsonb_build_object(
      'cancellation', refunds.id, 'cancellation_id', refunds.cancellation_id, 'requester', refunds.requester,
      'amount', refunds.amount, 'held_amount', refunds.held_amount, 'tax_free_amount', refunds.tax_free_amount,
      'reason', refunds.reason, 'refund_account', refunds.refund_account_masked, 'sent_at', refunds.sent_at,
      'requested_at', refunds.requested_at, 'cancelled_at', refunds.cancelled_at, 'failure', refunds.failure
    ))
  from public.payment_cancellations as refunds
  union all
  select
    logs.payment_id, logs.created_at, 30, 0, 'webhook', coalesce(logs.webhook_type, 'unreadable') || ' ' || logs.status,
    jsonb_strip_nulls(jsonb_build_object(
      'webhook', logs.id, 'webhook_id', logs.webhook_id, 'skip_reason', logs.skip_reason, 'duplicate_of', logs.duplicate_of,
      'attempts', logs.attempts, 'processed_at', logs.processed_at, 'job', logs.job_id, 'error', logs.error
    ))
  from public.webhook_logs as logs
  where logs.payment_id is not null
  union all
  select
    logs.subject_id, logs.created_at, 30, 0, 'webhook', coalesce(logs.webhook_type, 'unreadable') || ' ' || logs.status,
    jsonb_strip_nulls(jsonb_build_object(
      'webhook', logs.id, 'webhook_id', logs.webhook_id, 'skip_reason', logs.skip_reason, 'duplicate_of', logs.duplicate_of,
      'attempts', logs.attempts, 'processed_at', logs.processed_at, 'job', logs.job_id, 'error', logs.error
    ))
  from public.webhook_logs as logs
  where logs.payment_id is null and logs.subject_kind = 'payment' and logs.subject_id is not null
  union all
  select
    events.payment_id, events.created_at, 40, events.sequence, 'event', events.event_type,
    events.snapshot || jsonb_strip_nulls(jsonb_build_object(
      'sequence', events.sequence, 'from', events.from_status, 'to', events.to_status, 'source', events.source
    ))
  from public.payment_events as events
  union all
  select
    actions.payment_id, actions.created_at, 60, actions.id, 'operator', actions.action,
    actions.detail || jsonb_build_object('subject', actions.subject, 'actor', actions.actor, 'reason', actions.reason)
  from public.operator_actions as actions
  where actions.payment_id is not null
) as entries
where (select private.is_operator())
order by entries.payment_id, entries.at, entries.place, entries.number;
comment on view public.payment_timeline is
  'Everything that happened to a payment, in order: what was asked and how it ended, refunds (as they stand now, placed where they began), webhook deliveries, events, what operators did by hand. Filter by payment_id. Operators only.';

-- webhook_health -----------------------------------------------------------------------------

create view public.webhook_health with (security_invoker = on) as
select
  (logs.created_at at time zone 'Asia/Seoul')::date as day,
  count(*) as received,
  count(*) filter (where logs.status = 'processed') as processed,
  count(*) filter (where logs.status = 'failed') as failed,
  count(*) filter (where logs.status = 'skipped') as skipped,
  count(*) filter (where logs.status = 'received') as waiting,
  round(percentile_cont(0.5) within group (order by lag.seconds)::numeric, 3) as lag_p50_seconds,
  round(percentile_cont(0.95) within group (order by lag.seconds)::numeric, 3) as lag_p95_seconds,
  round(max(lag.seconds)::numeric, 3) as lag_max_seconds
from public.webhook_logs as logs
cross join lateral (
  select case
    when logs.status in ('processed', 'failed') then extract(epoch from logs.processed_at - logs.created_at)::double precision
  end as seconds
) as lag
where logs.created_at >= (select private.now()) - interval '92 days' and (select private.is_operator())
group by 1
order by 1 desc;
comment on view public.webhook_health is
  'Deliveries by day (Asia/Seoul), the last 92 days: received in all, of them processed, failed, skipped, still waiting; seconds from the delivery until it had its effect. Operators only.';

-- refunds_open -------------------------------------------------------------------------------

create view public.refunds_open with (security_invoker = on) as
select
  refunds.id, refunds.payment_id, payments.order_id, refunds.status, refunds.amount, refunds.held_amount, payments.currency,
  refunds.requester, refunds.reason, refunds.cancellation_id, refunds.created_at, refunds.sent_at,
  round(extract(epoch from (select private.now()) - refunds.created_at)::numeric) as age_seconds,
  refunds.id::text in (
    select findings.subject from public.drift_findings as findings
    where findings.kind in ('undecided_cancellation', 'ambiguous_cancellation') and findings.closed_at is null
  ) as needs_a_person
from public.payment_cancellations as refunds
join public.payments on payments.payment_id = refunds.payment_id
where refunds.status in ('reserved', 'requested', 'unknown') and (select private.is_operator())
order by refunds.created_at, refunds.number;
comment on view public.refunds_open is
  'Refunds that are asked for and not decided, oldest first: reserved (not sent), requested (sent, PortOne works on it), unknown (sent, the answer was lost). Amounts in minor units. Operators only.';

-- jobs_overview, dead_jobs -------------------------------------------------------------------

create function private.jobs_overview()
returns table (kind text, state text, jobs bigint, oldest_seconds numeric, most_failures integer, next_run_at timestamptz)
language sql stable security definer set search_path = ''
as $$
  select
    counted.kind, counted.state, count(*),
    round(extract(epoch from (select private.now()) - min(counted.created_at))::numeric),
    max(counted.failures)::integer, min(counted.run_at)
  from (
    select open_jobs.kind, open_jobs.state, open_jobs.created_at, open_jobs.failures, open_jobs.run_at from queue.jobs as open_jobs
    union all
    select buried.kind, 'dead', buried.died_at, buried.failures, null from queue.dead as buried where buried.resolved_at is null
  ) as counted
  where (select private.is_operator())
  group by counted.kind, counted.state
$$;
comment on function private.jobs_overview() is 'Behind the view jobs_overview; nothing for anybody but operators.';
revoke all on function private.jobs_overview() from public, anon, authenticated, service_role;
grant execute on function private.jobs_overview() to authenticated, service_role;

create view public.jobs_overview with (security_invoker = on) as
select overview.kind, overview.state, overview.jobs, overview.oldest_seconds, overview.most_failures, overview.next_run_at
from private.jobs_overview() as overview
order by overview.kind, overview.state;
comment on view public.jobs_overview is
  'Jobs that are not finished, by kind and state (ready, running, waiting for their payment, backoff, scheduled, dead): how many, the age of the oldest in seconds, the most failures of one, when the next is due. Operators only.';

create function private.dead_jobs()
returns table (
  id bigint, kind text, reason text, error jsonb, failures integer, payment_id text, operation_id uuid, payload jsonb,
  created_at timestamptz, died_at timestamptz
)
language sql stable security definer set search_path = ''
as $$
  select
    buried.id, buried.kind, buried.reason, buried.error, buried.failures::integer, buried.payload ->> 'payment_id', buried.operation_id,
    buried.payload, buried.created_at, buried.died_at
  from queue.dead as buried
  where buried.resolved_at is null and (select private.is_operator())
$$;
comment on function private.dead_jobs() is 'Behind the view dead_jobs; nothing for anybody but operators.';
revoke all on function private.dead_jobs() from public, anon, authenticated, service_role;
grant execute on function private.dead_jobs() to authenticated, service_role;

create view public.dead_jobs with (security_invoker = on) as
select
  dead.id, dead.kind, dead.reason, dead.error, dead.failures, dead.payment_id, dead.operation_id, dead.payload, dead.created_at, dead.died_at
from private.dead_jobs() as dead
order by dead.died_at desc;
comment on view public.dead_jobs is 'Jobs that need a person, youngest first, with the reason and the last error. Operators only.';

-- is_ledger_equal ----------------------------------------------------------------------------

create view public.is_ledger_equal with (security_invoker = on) as
select ledger.differences = 0 as equal, ledger.open_findings, ledger.by_kind, compared.until_at as as_of
from (
  select
    coalesce(sum(kinds.findings), 0)::bigint as open_findings,
    -- Silence is worth knowing, but says nothing about the books.
    coalesce(sum(kinds.findings) filter (where kinds.kind not in ('webhook_overdue', 'schedule_overdue')), 0)::bigint as differences,
    coalesce(jsonb_object_agg(kinds.kind, kinds.findings), '{}') as by_kind
  from (
    select findings.kind, count(*) as findings
    from public.drift_findings as findings
    where findings.closed_at is null
    group by findings.kind
  ) as kinds
) as ledger
cross join (
  select case when bool_and(stores.until_at is not null) then min(stores.until_at) end as until_at
  from (
    select done.store_id, max(done.until_at) filter (where done.kind <> 'start') as until_at
    from public.reconciliations as done
    -- A look at one window by hand says nothing about what was before it.
    where done.kind <> 'by_hand'
    group by done.store_id
    having max(done.finished_at) > (select private.now()) - interval '7 days'
  ) as stores
) as compared
where (select private.is_operator());
comment on view public.is_ledger_equal is
  'One row: whether no difference between PortOne and us is open (webhooks and schedules that are overdue are counted, but are no differences), how many findings of each kind are, and as_of: up to when PortOne''s own lists have been compared, of the store that is furthest behind; null when one has never been. Operators only: nobody else gets a row.';

revoke all on
public.payment_timeline, public.webhook_health, public.refunds_open, public.jobs_overview, public.dead_jobs, public.is_ledger_equal
from public, anon, authenticated, service_role;
grant select on
public.payment_timeline, public.webhook_health, public.refunds_open, public.jobs_overview, public.dead_jobs, public.is_ledger_equal
to authenticated, service_role;
