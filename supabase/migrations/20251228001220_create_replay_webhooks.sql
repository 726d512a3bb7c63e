-- Acting again on deliveries of our own raw log.

create function private.body_member(p_body bytea, p_path text[]) returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return convert_from(p_body, 'UTF8')::jsonb #>> p_path;
exception when data_exception or program_limit_exceeded then
  return null;
end
$$;
comment on function private.body_member(bytea, text[]) is 'A member of a raw webhook body, null when the body is not readable as JSON.';
revoke all on function private.body_member(bytea, text[]) from public, anon, authenticated, service_role;

create function private.replay_job(p_webhook public.webhook_logs, p_now timestamptz) returns bigint
language plpgsql set search_path = ''
as $$
declare
  job_lane constant text := p_webhook.subject_kind || ':' || p_webhook.subject_id;
  job_id bigint;
begin
  if p_webhook.subject_kind = 'payment' then
    job_id := private.unstarted_sync(job_lane);
    return coalesce(job_id, private.add_job('sync_payment', job_lane, jsonb_strip_nulls(jsonb_build_object(
      'payment_id', p_webhook.subject_id,
      -- for a payment we do not know: which store it is of
      'store_id', left(private.body_member(p_webhook.request_body, '{data,storeId}'), 255)
    )), p_now, p_max_failures => private.read_patience()));
  end if;
  return coalesce(private.unstarted_sync(job_lane, 'sync_billing_key'), private.add_job('sync_billing_key', job_lane,
    jsonb_strip_nulls(jsonb_build_object('billing_key_id', private.uuid_of(p_webhook.subject_id))), p_now, p_max_failures => private.read_patience()));
end
$$;
comment on function private.replay_job(public.webhook_logs, timestamptz) is 'The job that reads again what a delivery named: one that waits already, or a new one. The caller holds the lane.';
revoke all on function private.replay_job(public.webhook_logs, timestamptz) from public, anon, authenticated, service_role;

create function private.first_webhook_since(p_since timestamptz) returns bigint
language sql stable set search_path = ''
as $$
  select min(earliest.id) from (
    -- Ids are dealt nearly in order of time: the thousand oldest hold the lowest of them.
    select logs.id from public.webhook_logs as logs where logs.created_at >= p_since order by logs.created_at limit 1000
  ) as earliest
$$;
comment on function private.first_webhook_since(timestamptz) is
  'Below which id no delivery came since a moment; null when none did. Pages by id begin there instead of walking past everything older.';
revoke all on function private.first_webhook_since(timestamptz) from public, anon, authenticated, service_role;

create function private.replay_webhooks(
  p_ids bigint[], p_since timestamptz, p_failed_only boolean, p_after_id bigint, p_reason text, p_actor text
) returns setof public.acted_on
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  who constant text := private.operator_name(p_actor);
  asked bigint[] := p_ids;
  first_id bigint;
  owners bigint[];
  lanes text[];
  webhook public.webhook_logs;
  v_now timestamptz;
  answer public.acted_on;
begin
  perform private.check_reason(p_reason);
  if asked is null and p_since is null and not coalesce(p_failed_only, false) then
    perform private.fail('422', 'REPLAY_WHAT', 'Say which deliveries: ids, since, failed_only, or the last two together.', 'ids', 'Send webhook_logs.id.');
  end if;
  if asked is null then
    first_id := case when p_since is not null then private.first_webhook_since(p_since) else 0 end;
    asked := array(
      select logs.id from public.webhook_logs as logs
      where logs.duplicate_of is null and logs.id > coalesce(p_after_id, 0) and logs.id >= first_id
        and (p_since is null or logs.created_at >= p_since)
        and (not coalesce(p_failed_only, false) or logs.status = 'failed')
        and logs.subject_kind is not null and logs.subject_id is not null
      order by logs.id
      limit 100
    );
  end if;
  perform private.check_ids(asked);
  -- A repeat stands for the delivery it repeats.
  owners := array(
    select coalesce(logs.duplicate_of, logs.id)
    from unnest(asked) with ordinality as named (id, index)
    left join public.webhook_logs as logs on logs.id = named.id
    order by named.index
  );
  lanes := array(
    select distinct logs.subject_kind || ':' || logs.subject_id from public.webhook_logs as logs
    where logs.id = any (owners) and logs.subject_kind is not null and logs.subject_id is not null
  );
  perform private.lock_lanes(lanes);
  v_now := private.now();
  for i in 1 .. cardinality(asked) loop
    answer := row(i, asked[i], false, null, null);
    select * into webhook from public.webhook_logs as logs where logs.id = owners[i] for no key update;
    if webhook.id is null then
      answer.why_not := 'not_found';
    elsif webhook.status = 'received' then
      answer.why_not := 'waiting';
      answer.job_id := webhook.job_id;
    elsif webhook.subject_kind is null or webhook.subject_id is null then
      -- Legacy and unreadable bodies name nothing that could be read.
      answer.why_not := 'names_nothing';
    else
      answer.job_id := private.replay_job(webhook, v_now);
      answer.done := true;
      update public.webhook_logs
      set status = 'received', skip_reason = null, error = null, processed_at = null, attempts = webhook_logs.attempts + 1, job_id = answer.job_id
      where webhook_logs.id = webhook.id;
      perform private.note_action('replay_webhook', webhook.id::text, coalesce(webhook.payment_id, case webhook.subject_kind when 'payment' then webhook.subject_id end),
        who, p_reason, jsonb_build_object('webhook_id', webhook.webhook_id, 'type', webhook.webhook_type, 'was', webhook.status, 'skip_reason', webhook.skip_reason,
          'job', answer.job_id), v_now);
    end if;
    return next answer;
  end loop;
end
$$;
comment on function private.replay_webhooks(bigint[], timestamptz, boolean, bigint, text, text) is 'Behind public.replay_webhooks.';
revoke all on function private.replay_webhooks(bigint[], timestamptz, boolean, bigint, text, text) from public, anon, authenticated, service_role;
grant execute on function private.replay_webhooks(bigint[], timestamptz, boolean, bigint, text, text) to authenticated, service_role;

create function public.replay_webhooks(
  reason text, ids bigint[] default null, since timestamptz default null, failed_only boolean default false,
  after_id bigint default 0, actor text default null
) returns setof public.acted_on
language sql set search_path = ''
as $$ select * from private.replay_webhooks(ids, since, failed_only, after_id, reason, actor) $$;
comment on function public.replay_webhooks(text, bigint[], timestamptz, boolean, bigint, text) is
  'Operators: reads again what logged deliveries named, as if they had just come: by webhook_logs ids (at most 100), or the next 100 after after_id that came since a moment, or that failed, or both. why_not: not_found, waiting (its job has not run yet), names_nothing. Safe at any time: state is only ever read from PortOne. Refuses ADMIN_REQUIRED, REASON_REQUIRED, REPLAY_WHAT, BATCH_REQUIRED, BATCH_TOO_LARGE, ID_REQUIRED.';
revoke all on function public.replay_webhooks(text, bigint[], timestamptz, boolean, bigint, text) from public, anon, authenticated, service_role;
grant execute on function public.replay_webhooks(text, bigint[], timestamptz, boolean, bigint, text) to authenticated, service_role;
