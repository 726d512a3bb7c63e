-- settle_jobs: the worker's one call to end jobs.

create function public.settle_jobs(outcomes jsonb[]) returns setof public.settled_job
-- Plans are kept per connection: one made while a table was empty must not scan it for ever.
language plpgsql security definer set search_path = '' set enable_seqscan = off
set enable_mergejoin = off set enable_hashjoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_ids bigint[];
  element jsonb;
  bad integer;
  job queue.jobs;
  jobs_by_index queue.jobs[];
  answer private.verdict;
  answers private.verdict[];
  lanes text[];
  touched text[] := '{}';
  over_ids bigint[] := '{}';
  over_verdicts text[] := '{}';
  over_errors jsonb[] := '{}';
  again_ids bigint[] := '{}';
  again_seconds numeric[] := '{}';
  again_counts boolean[] := '{}';
  again_errors jsonb[] := '{}';
  endings private.ending[] := '{}';
  ended record;
  settled public.settled_job;
  settled_jobs public.settled_job[] := '{}';
begin
  perform private.check_claims('outcomes', settle_jobs.outcomes);
  select named.index into bad
  from unnest(settle_jobs.outcomes) with ordinality as named (value, index)
  where coalesce(named.value ->> 'verdict', '') not in ('done', 'failed', 'retry', 'dead')
  limit 1;
  if bad is not null then
    perform private.fail('422', 'VERDICT_UNKNOWN', format('outcomes[%s].verdict must be done, failed, retry or dead.', bad), format('outcomes[%s].verdict', bad), 'Correct this element.');
  end if;

  v_ids := array(select private.job_of(named.value) from unnest(settle_jobs.outcomes) as named (value));
  select array_agg(distinct jobs.lane) into lanes from queue.jobs where jobs.id = any (v_ids);
  perform private.lock_lanes(lanes);
  perform private.lock_jobs(v_ids);
  v_now := private.now();

  -- Fence: only the claim that is named, and only while the job is running or was reaped and nobody claimed it since.
  select array_agg(locked.job order by wanted.index) into jobs_by_index
  from (
    select named.index, (named.value ->> 'job_id')::bigint as job_id, (named.value ->> 'claim')::integer as claim,
      row_number() over (partition by named.value ->> 'job_id' order by named.index) as repeat
    from unnest(settle_jobs.outcomes) with ordinality as named (value, index)
  ) as wanted
  left join lateral (
    select jobs as job from queue.jobs
    where jobs.id = wanted.job_id and jobs.claim = wanted.claim and wanted.repeat = 1
    limit 1
  ) as locked on true;

  -- What each job means for payments, refunds, orders. Jobs of other kinds pass through.
  for i in 1 .. cardinality(settle_jobs.outcomes) loop
    job := jobs_by_index[i];
    if job.id is null or job.state not in ('running', 'ready') then
      answers[i] := null;
      continue;
    end if;
    answer := private.settle_job(job, settle_jobs.outcomes[i], format('outcomes[%s]', i), v_now);
    answers[i] := answer;
    if answer.verdict in ('done', 'failed') then
      over_ids := over_ids || job.id;
      over_verdicts := over_verdicts || answer.verdict;
      over_errors := over_errors || answer.error;
      endings := endings || row(
        job.id,
        case when answer.verdict = 'failed' and job.kind = 'sync_payment' then 'failed'
          when answer.skip_reason is not null then 'skipped' else 'processed' end,
        case when answer.verdict = 'failed' and job.kind = 'sync_payment' then null else answer.skip_reason end,
        case answer.verdict when 'done' then 'succeeded' else 'failed' end,
        answer.result, answer.error
      )::private.ending;
    elsif answer.verdict = 'retry' then
      again_ids := again_ids || job.id;
      again_seconds := again_seconds || least(86400, greatest(0, coalesce(answer.retry_in, private.backoff_seconds(job.failures))));
      again_counts := again_counts || answer.counts;
      again_errors := again_errors || answer.error;
    end if;
    if job.lane = 'payment:' || (job.payload ->> 'payment_id') then
      touched := touched || (job.payload ->> 'payment_id');
    end if;
  end loop;
  perform private.fulfil_orders(touched, v_now);

  -- Out of the hot table, by primary key alone: a state here would lure the planner into a partial index full of dead entries.
  with gone as (
    delete from queue.jobs
    where jobs.id = any (over_ids)
    returning jobs.*, over_verdicts[array_position(over_ids, jobs.id)] as outcome, over_errors[array_position(over_ids, jobs.id)] as outcome_error
  )
  insert into queue.finished (id, kind, lane, claim, outcome, operation_id, payload, error, created_at, finished_at)
  select gone.id, gone.kind, gone.lane, gone.claim, gone.outcome, gone.operation_id, gone.payload, gone.outcome_error, gone.created_at, v_now
  from gone
  order by gone.id;

  update queue.jobs
  -- The claim number moves on, so that repeating this call changes nothing.
  set state = 'backoff', claim = jobs.claim + 1, lease_until = null, worker = null,
    failures = least(32000, jobs.failures + case when again_counts[array_position(again_ids, jobs.id)] then 1 else 0 end)::smallint,
    run_at = v_now + make_interval(secs => again_seconds[array_position(again_ids, jobs.id)]::double precision),
    last_error = again_errors[array_position(again_ids, jobs.id)]
  where jobs.id = any (again_ids);

  ended := private.finish_dependents(endings, v_now);

  for i in 1 .. cardinality(settle_jobs.outcomes) loop
    job := jobs_by_index[i];
    answer := answers[i];
    element := settle_jobs.outcomes[i];
    settled := row(i, (element ->> 'job_id')::bigint, answer.verdict is not null, null, job.operation_id, '{}', null, null);
    if answer.verdict is null then
      settled.reason := 'lost';
      -- The same call again, because its reply was lost: accepted before, nothing more to do.
      select true, 'settled_before', gone.operation_id into settled.accepted, settled.reason, settled.operation_id
      from (
        select finished.operation_id from queue.finished
        where finished.id = settled.job_id and finished.claim = (element ->> 'claim')::integer
        union all
        select dead.operation_id from queue.dead
        where dead.id = settled.job_id and dead.claim = (element ->> 'claim')::integer
      ) as gone;
      if not found then
        settled.accepted := false;
        settled.reason := 'lost';
      end if;
    elsif answer.verdict = 'dead' then
      settled.operation_ids := private.bury_job(job.id, coalesce(lower(answer.error ->> 'code'), 'failed_too_often'), answer.error, v_now);
    elsif job.id = any (ended.job_ids) then
      settled.operation_ids := array(
        select operations.id from unnest(ended.operation_ids, ended.job_ids) as operations (id, job_id) where operations.job_id = job.id
      );
    end if;
    if job.operation_id is not null and not job.operation_id = any (settled.operation_ids) then
      settled.operation_ids := settled.operation_ids || job.operation_id;
    end if;
    settled_jobs[i] := settled;
  end loop;
  perform private.promote_lanes(lanes);

  return query
  select
    settled.index, settled.job_id, settled.accepted, settled.reason, settled.operation_id, settled.operation_ids,
    operations.status::text, payments.status::text
  from unnest(settled_jobs) as settled
  left join public.payment_operations as operations on operations.id = coalesce(settled.operation_id, settled.operation_ids[1])
  left join public.payments on payments.payment_id = (jobs_by_index[settled.index]).payload ->> 'payment_id'
  order by settled.index;
end
$$;
comment on function public.settle_jobs(jsonb[]) is
  'Ends up to 500 claimed jobs: {job_id, claim, verdict, retry_in_seconds, counts_as_failure, error, result, prepared, not_found, attempt, snapshots}. Applies the snapshots, closes the webhooks and operations that waited, finishes, retries or buries the job. accepted = false with reason lost: the claim is not held any more, nothing was done. Safe to repeat.';
revoke all on function public.settle_jobs(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.settle_jobs(jsonb[]) to service_role;
