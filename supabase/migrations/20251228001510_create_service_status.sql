-- One look at the whole: what `portone-worker status`, /metrics and an alert ask for. Every part is bounded, so that asking
-- every few seconds costs the same with a million jobs waiting.

create index payment_cancellations_open_idx on public.payment_cancellations (created_at)
where status in ('reserved', 'requested', 'unknown');
comment on index public.payment_cancellations_open_idx is 'service_status, refunds_open: refunds that have not ended, oldest first.';

create function private.status_of_jobs(p_now timestamptz) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(counted) order by counted.kind, counted.state), '[]')
  from (
    select jobs.kind, jobs.state, count(*) as jobs, round(extract(epoch from p_now - min(jobs.created_at))::numeric, 1) as oldest_seconds
    from (
      (select open_jobs.kind, open_jobs.state, open_jobs.created_at from queue.jobs as open_jobs limit 100001)
      union all
      (select buried.kind, 'dead', buried.died_at from queue.dead as buried where buried.resolved_at is null limit 10001)
    ) as jobs
    group by jobs.kind, jobs.state
  ) as counted
$$;
comment on function private.status_of_jobs(timestamptz) is
  'Jobs that are not finished by kind and state, with the age of the oldest in seconds (of dead ones: since they died). Counting stops at 100,001 open and 10,001 dead ones.';
revoke all on function private.status_of_jobs(timestamptz) from public, anon, authenticated, service_role;

create function private.status_of_webhooks(p_now timestamptz) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'received', count(*), 'processed', count(*) filter (where recent.status = 'processed'),
    'failed', count(*) filter (where recent.status = 'failed'), 'skipped', count(*) filter (where recent.status = 'skipped'),
    'lag_p50_seconds', round(percentile_cont(0.5) within group (order by recent.lag)::numeric, 3),
    'lag_p95_seconds', round(percentile_cont(0.95) within group (order by recent.lag)::numeric, 3),
    'lag_max_seconds', round(max(recent.lag)::numeric, 3),
    'last_at', private.iso(max(recent.created_at)),
    'waiting', (select count(*) from (select from public.webhook_logs as logs where logs.status = 'received' limit 10001) as waiting),
    'oldest_waiting_seconds', (
      select round(extract(epoch from p_now - min(waiting.created_at))::numeric, 1)
      from (select logs.created_at from public.webhook_logs as logs where logs.status = 'received' order by logs.job_id limit 1000) as waiting
    )
  )
  from (
    select logs.status, logs.created_at,
      case when logs.status in ('processed', 'failed') then extract(epoch from logs.processed_at - logs.created_at)::double precision end as lag
    from public.webhook_logs as logs
    where logs.created_at > p_now - interval '1 hour'
    order by logs.created_at desc
    limit 10000
  ) as recent
$$;
comment on function private.status_of_webhooks(timestamptz) is
  'Deliveries of the last hour (at most the 10,000 youngest) by what became of them, seconds until their effect, and those still waiting.';
revoke all on function private.status_of_webhooks(timestamptz) from public, anon, authenticated, service_role;

create function public.service_status() returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_now constant timestamptz := private.now();
begin
  return jsonb_build_object(
    'now', private.iso(v_now),
    'jobs', private.status_of_jobs(v_now),
    'finished', (
      select jsonb_build_object(
        'seconds', 300, 'done', count(*) filter (where recent.outcome = 'done'), 'failed', count(*) filter (where recent.outcome = 'failed')
      )
      from (select ended.outcome from queue.finished as ended where ended.finished_at > v_now - interval '5 minutes' limit 100001) as recent
    ),
    'webhooks', private.status_of_webhooks(v_now),
    'refunds', (
      select jsonb_build_object(
        'open', count(*), 'unknown', count(*) filter (where refunds.status = 'unknown'),
        'oldest_seconds', round(extract(epoch from v_now - min(refunds.created_at))::numeric, 1)
      )
      from (
        select open_refunds.status, open_refunds.created_at from public.payment_cancellations as open_refunds
        where open_refunds.status in ('reserved', 'requested', 'unknown') order by open_refunds.created_at limit 10001
      ) as refunds
    ),
    'unknown_outcomes', (select count(*) from private.attempts where attempts.decided_at is null and attempts.outcome = 'unknown'),
    'findings', (
      select coalesce(jsonb_object_agg(kinds.kind, kinds.findings), '{}')
      from (
        select open_findings.kind, count(*) as findings
        from (select findings.kind from public.drift_findings as findings where findings.closed_at is null limit 10001) as open_findings
        group by open_findings.kind
      ) as kinds
    )
  );
end
$$;
comment on function public.service_status() is
  'How the whole stands, at a bounded cost: jobs by kind and state, jobs finished in the last five minutes, webhooks of the last hour with their lag, open refunds, sends whose outcome nobody knows, open findings by kind.';
revoke all on function public.service_status() from public, anon, authenticated, service_role;
grant execute on function public.service_status() to service_role;

notify pgrst, 'reload schema';
