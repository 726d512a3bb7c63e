-- Webhook intake: the raw delivery and the job that will act on it, in one transaction.

create type public.recorded_webhook as (
  index integer, id bigint, webhook_id text, status text, duplicate boolean, job_id bigint
);

create function private.check_webhooks(p_webhooks jsonb[]) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  bad record;
begin
  perform private.check_batch('webhooks', p_webhooks, 200);
  select element.index,
    case
      when coalesce(char_length(element.value ->> 'webhook_id'), 0) not between 1 and 255 then 'webhook_id'
      when coalesce(element.value ->> 'body', '!') !~ '^[A-Za-z0-9+/]*={0,2}$' or char_length(element.value ->> 'body') % 4 <> 0 then 'body'
      when char_length(element.value ->> 'webhook_type') > 200 then 'webhook_type'
      when char_length(element.value ->> 'subject_id') > 255 then 'subject_id'
      when char_length(element.value ->> 'provider_transaction_id') > 255 then 'provider_transaction_id'
      when coalesce(element.value ->> 'subject_kind', 'payment') not in ('payment', 'billing_key') then 'subject_kind'
      when coalesce(element.value ->> 'secret_index', '0') !~ '^[0-9]{1,2}$' then 'secret_index'
      when char_length(element.value ->> 'skip_reason') > 60 then 'skip_reason'
    end as field
  into bad
  from unnest(p_webhooks) with ordinality as element (value, index)
  where coalesce(char_length(element.value ->> 'webhook_id'), 0) not between 1 and 255
    or coalesce(element.value ->> 'body', '!') !~ '^[A-Za-z0-9+/]*={0,2}$' or char_length(element.value ->> 'body') % 4 <> 0
    or char_length(element.value ->> 'webhook_type') > 200
    or char_length(element.value ->> 'subject_id') > 255
    or char_length(element.value ->> 'provider_transaction_id') > 255
    or coalesce(element.value ->> 'subject_kind', 'payment') not in ('payment', 'billing_key')
    or coalesce(element.value ->> 'secret_index', '0') !~ '^[0-9]{1,2}$'
    or char_length(element.value ->> 'skip_reason') > 60
  order by element.index
  limit 1;
  if bad is not null then
    perform private.fail('422', 'WEBHOOK_INVALID', format('webhooks[%s].%s is missing or not of its form.', bad.index, bad.field),
      format('webhooks[%s].%s', bad.index, bad.field), 'Send webhook_id, the body as base64, and null for what cannot be read.');
  end if;
end
$$;
comment on function private.check_webhooks(jsonb[]) is 'Refuses a batch with an element that cannot be stored, naming its index and field.';
revoke all on function private.check_webhooks(jsonb[]) from public, anon, authenticated, service_role;

create function public.record_webhooks(webhooks jsonb[]) returns setof public.recorded_webhook
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  job_lanes text[];
  job_ids bigint[];
  is_new boolean[];
  owner_ids bigint[];
  owner_indexes integer[];
  revived bigint[];
begin
  perform private.check_webhooks(record_webhooks.webhooks);
  perform private.lock_lanes(array(
    select 'payment:' || (element.value ->> 'subject_id')
    from unnest(record_webhooks.webhooks) as element (value)
    where element.value ->> 'subject_kind' = 'payment' and element.value ->> 'subject_id' is not null
      and element.value ->> 'skip_reason' is null
  ), 200);
  v_now := private.now();

  -- Which job each lane would use: one that has not started yet, or the next id.
  select array_agg(lanes.lane order by lanes.lane), array_agg(coalesce(known.id, nextval('queue.jobs_id_seq')) order by lanes.lane),
    array_agg(known.id is null order by lanes.lane)
  into job_lanes, job_ids, is_new
  from (
    select distinct 'payment:' || (element.value ->> 'subject_id') as lane
    from unnest(record_webhooks.webhooks) as element (value)
    where element.value ->> 'subject_kind' = 'payment' and element.value ->> 'subject_id' is not null
      and element.value ->> 'skip_reason' is null
  ) as lanes
  left join lateral (
    select jobs.id from queue.jobs
    where jobs.lane = lanes.lane and jobs.state in ('ready', 'waiting') and jobs.kind = 'sync_payment'
    order by jobs.id
    limit 1
  ) as known on true;

  -- The first delivery of an id owns it. Sorted by id: concurrent calls meet in the same sequence.
  with wanted as materialized (
    select distinct on (element.value ->> 'webhook_id') element.index, element.value
    from unnest(record_webhooks.webhooks) with ordinality as element (value, index)
    order by element.value ->> 'webhook_id', element.index
  ),
  owners as (
    insert into public.webhook_logs (
      webhook_id, webhook_type, status, provider_transaction_id, payment_id, subject_kind, subject_id, job_id, skip_reason,
      secret_index, request_headers, request_body, response_body, event_at, created_at, processed_at
    )
    select
      wanted.value ->> 'webhook_id', wanted.value ->> 'webhook_type',
      case when lane.job_id is null then 'skipped' else 'received' end::public.webhook_status,
      wanted.value ->> 'provider_transaction_id', payments.payment_id,
      wanted.value ->> 'subject_kind', wanted.value ->> 'subject_id', lane.job_id,
      case when lane.job_id is null then coalesce(wanted.value ->> 'skip_reason', 'not_actionable') end,
      (wanted.value ->> 'secret_index')::smallint, coalesce(nullif(wanted.value -> 'headers', 'null'), '{}'), decode(wanted.value ->> 'body', 'base64'),
      jsonb_build_object('ok', true), private.time_of(wanted.value ->> 'event_at'), v_now,
      case when lane.job_id is null then v_now end
    from wanted
    left join unnest(job_lanes, job_ids) as lane (lane, job_id)
      on lane.lane = 'payment:' || (wanted.value ->> 'subject_id')
      and wanted.value ->> 'subject_kind' = 'payment' and wanted.value ->> 'skip_reason' is null
    left join public.payments on wanted.value ->> 'subject_kind' = 'payment' and payments.payment_id = wanted.value ->> 'subject_id'
    order by wanted.value ->> 'webhook_id'
    on conflict (webhook_id) where duplicate_of is null do nothing
    returning id, webhook_id
  )
  select array_agg(owners.id), array_agg(wanted.index) into owner_ids, owner_indexes
  from owners
  join wanted on wanted.value ->> 'webhook_id' = owners.webhook_id;

  -- A repeat of a delivery that had failed revives it: one new job.
  with repeated as (
    select logs.id, min(lane.job_id) as job_id
    from unnest(record_webhooks.webhooks) with ordinality as element (value, index)
    join public.webhook_logs as logs on logs.webhook_id = element.value ->> 'webhook_id' and logs.duplicate_of is null
    join unnest(job_lanes, job_ids) as lane (lane, job_id) on lane.lane = 'payment:' || logs.subject_id
    where not element.index = any (coalesce(owner_indexes, '{}')) and logs.status = 'failed' and logs.subject_kind = 'payment'
    group by logs.id
    order by logs.id
  ),
  reopened as (
    update public.webhook_logs
    set status = 'received', error = null, processed_at = null, attempts = attempts + 1, job_id = repeated.job_id
    from repeated
    where webhook_logs.id = repeated.id and webhook_logs.status = 'failed'
    returning webhook_logs.id
  )
  select array_agg(reopened.id) into revived from reopened;

  insert into queue.jobs (id, kind, lane, state, max_failures, payload, created_at)
  select
    lane.job_id, 'sync_payment', lane.lane, case when holder.id is null then 'ready' else 'waiting' end, private.read_patience(),
    jsonb_build_object('payment_id', substr(lane.lane, 9)), v_now
  from unnest(job_lanes, job_ids, is_new) as lane (lane, job_id, is_new)
  left join lateral (
    select jobs.id from queue.jobs
    where jobs.lane = lane.lane and jobs.state in ('ready', 'running', 'backoff')
    limit 1
  ) as holder on true
  where lane.is_new and exists (
    select from public.webhook_logs as logs
    where logs.job_id = lane.job_id and logs.status = 'received'
  )
  order by lane.job_id;

  -- Every delivery adds a row: the repeats now, each pointing to the owner.
  return query
  with element as materialized (
    select given.index::integer as index, given.value
    from unnest(record_webhooks.webhooks) with ordinality as given (value, index)
  ),
  repeats as (
    insert into public.webhook_logs (
      webhook_id, webhook_type, status, provider_transaction_id, payment_id, subject_kind, subject_id, duplicate_of, skip_reason,
      secret_index, request_headers, request_body, response_body, event_at, created_at, processed_at
    )
    select
      owner.webhook_id, element.value ->> 'webhook_type', 'skipped', element.value ->> 'provider_transaction_id', owner.payment_id,
      element.value ->> 'subject_kind', element.value ->> 'subject_id', owner.id,
      case when owner.id = any (coalesce(revived, '{}'))
        and 1 = row_number() over (partition by owner.id order by element.index) then 'retries_failed' else 'duplicate' end,
      (element.value ->> 'secret_index')::smallint, coalesce(nullif(element.value -> 'headers', 'null'), '{}'), decode(element.value ->> 'body', 'base64'),
      jsonb_build_object('ok', true, 'duplicate', true), private.time_of(element.value ->> 'event_at'), v_now, v_now
    from element
    join public.webhook_logs as owner on owner.webhook_id = element.value ->> 'webhook_id' and owner.duplicate_of is null
    where not element.index = any (coalesce(owner_indexes, '{}'))
    order by element.index
    returning id, webhook_id, status, duplicate_of
  ),
  numbered as (
    select repeats.*, row_number() over (partition by repeats.webhook_id order by repeats.id) as place from repeats
  ),
  repeated_elements as (
    select element.index, element.value ->> 'webhook_id' as webhook_id,
      row_number() over (partition by element.value ->> 'webhook_id' order by element.index) as place
    from element
    where not element.index = any (coalesce(owner_indexes, '{}'))
  )
  select element.index, owner.id, owner.webhook_id, owner.status::text, false, owner.job_id
  from element
  join public.webhook_logs as owner on owner.webhook_id = element.value ->> 'webhook_id' and owner.duplicate_of is null
  where element.index = any (coalesce(owner_indexes, '{}'))
  union all
  select repeated_elements.index, numbered.id, numbered.webhook_id, numbered.status::text, true, owner.job_id
  from repeated_elements
  join numbered using (webhook_id, place)
  join public.webhook_logs as owner on owner.id = numbered.duplicate_of
  order by 1;
end
$$;
comment on function public.record_webhooks(jsonb[]) is
  'Stores up to 200 signed deliveries and enqueues what they ask for, in one transaction: {webhook_id, webhook_type, body (base64), headers, subject_kind, subject_id, provider_transaction_id, event_at, secret_index, skip_reason}. A known webhook_id adds a skipped row; when its owner had failed, the owner is tried again. Safe to repeat: the same delivery twice is a duplicate. When it has returned, the deliveries are durable.';
revoke all on function public.record_webhooks(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.record_webhooks(jsonb[]) to service_role;

create function private.read_webhook_body(p_id bigint) returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  body bytea;
begin
  if not (me.is_admin or me.is_service) then
    perform private.fail('403', 'ADMIN_REQUIRED', 'Only admins may read webhook bodies.', null, 'Sign in as an admin.');
  end if;
  select webhook_logs.request_body into body from public.webhook_logs where webhook_logs.id = p_id;
  if not found then
    perform private.fail('404', 'WEBHOOK_NOT_FOUND', 'There is no such webhook delivery.', 'id', 'Send webhook_logs.id.');
  end if;
  return encode(body, 'base64');
end
$$;
comment on function private.read_webhook_body(bigint) is 'The raw bytes of a delivery as base64, for admins.';
revoke all on function private.read_webhook_body(bigint) from public, anon, authenticated, service_role;
grant execute on function private.read_webhook_body(bigint) to authenticated, service_role;

create function public.read_webhook_body(id bigint) returns text
language sql stable set search_path = ''
return private.read_webhook_body(id);
comment on function public.read_webhook_body(bigint) is 'Admins: the raw body of one webhook delivery as base64. Refuses ADMIN_REQUIRED, WEBHOOK_NOT_FOUND.';
revoke all on function public.read_webhook_body(bigint) from public, anon, authenticated, service_role;
grant execute on function public.read_webhook_body(bigint) to authenticated, service_role;
