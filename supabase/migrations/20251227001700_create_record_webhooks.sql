-- Webhook intake: the raw delivery and the job that will act on it, in one transaction.

create type public.recorded_webhook as (
  index integer, id bigint, webhook_id text, status text, duplicate boolean, job_id bigint
);

create type private.delivery as (
  index integer, webhook_id text, webhook_type text, body text, headers jsonb, subject_kind text, subject_id text,
  provider_transaction_id text, event_at text, secret_index text, skip_reason text, lane text, store_id text
);

create function private.read_deliveries(p_webhooks jsonb[]) returns private.delivery[]
language plpgsql immutable set search_path = ''
as $$
declare
  deliveries private.delivery[];
  bad record;
begin
  perform private.check_batch('webhooks', p_webhooks, 200);
  deliveries := array(
    select row(
      element.index, element.value ->> 'webhook_id', element.value ->> 'webhook_type', element.value ->> 'body',
      coalesce(nullif(element.value -> 'headers', 'null'), '{}'), element.value ->> 'subject_kind', element.value ->> 'subject_id',
      element.value ->> 'provider_transaction_id', element.value ->> 'event_at', element.value ->> 'secret_index',
      element.value ->> 'skip_reason',
      case when element.value ->> 'subject_kind' = 'payment' and element.value ->> 'skip_reason' is null
        then 'payment:' || nullif(element.value ->> 'subject_id', '') end,
      left(element.value ->> 'store_id', 255)
    )::private.delivery
    from unnest(p_webhooks) with ordinality as element (value, index)
    order by element.index
  );
  select checked.index, checked.field into bad
  from (
    select delivery.index,
      case
        when coalesce(char_length(delivery.webhook_id), 0) not between 1 and 255 then 'webhook_id'
        when delivery.body is null or char_length(delivery.body) % 4 <> 0 or delivery.body !~ '^[A-Za-z0-9+/]*={0,2}$' then 'body'
        when char_length(delivery.webhook_type) > 200 then 'webhook_type'
        when char_length(delivery.subject_id) > 255 then 'subject_id'
        when char_length(delivery.provider_transaction_id) > 255 then 'provider_transaction_id'
        when coalesce(delivery.subject_kind, 'payment') not in ('payment', 'billing_key') then 'subject_kind'
        when coalesce(delivery.secret_index, '0') !~ '^[0-9]{1,2}$' then 'secret_index'
        when char_length(delivery.skip_reason) > 60 then 'skip_reason'
      end as field
    from unnest(deliveries) as delivery
  ) as checked
  where checked.field is not null
  order by checked.index
  limit 1;
  if bad.index is not null then
    perform private.fail('422', 'WEBHOOK_INVALID', format('webhooks[%s].%s is missing or not of its form.', bad.index, bad.field),
      format('webhooks[%s].%s', bad.index, bad.field), 'Send webhook_id, the body as base64, and null for what cannot be read.');
  end if;
  return deliveries;
end
$$;
comment on function private.read_deliveries(jsonb[]) is
  'A batch of deliveries as values, each with the lane it asks for. Refuses one that cannot be stored, naming its index and field.';
revoke all on function private.read_deliveries(jsonb[]) from public, anon, authenticated, service_role;

create function private.name_billing_keys(p_deliveries private.delivery[]) returns private.delivery[]
language sql stable set search_path = ''
as $$
  select array_agg(
    case when delivery.subject_kind is distinct from 'billing_key' or delivery.subject_id is null then delivery
    else row(
      delivery.index, delivery.webhook_id, delivery.webhook_type, delivery.body, delivery.headers, delivery.subject_kind, named.id,
      delivery.provider_transaction_id, delivery.event_at, delivery.secret_index, delivery.skip_reason,
      case when delivery.skip_reason is null then 'billing_key:' || named.id end, delivery.store_id
    )::private.delivery end
    order by delivery.index
  )
  from unnest(p_deliveries) as delivery
  left join lateral (
    select coalesce(
      (select keys.id::text from public.billing_keys as keys where keys.billing_key = delivery.subject_id),
      'unknown-' || left(encode(sha256(convert_to(delivery.subject_id, 'UTF8')), 'hex'), 16)
    ) as id
  ) as named on true
$$;
comment on function private.name_billing_keys(private.delivery[]) is
  'Deliveries about billing keys, named by our id: a billing key can be charged and stands in no column that people read.';
revoke all on function private.name_billing_keys(private.delivery[]) from public, anon, authenticated, service_role;

create function private.record_repeats(
  p_deliveries private.delivery[], p_lanes text[], p_job_ids bigint[], p_now timestamptz, out revived_jobs bigint[]
)
language plpgsql set search_path = ''
as $$
declare
  revived bigint[];
begin
  -- A repeat of a delivery that had failed revives it: one new job.
  with repeated as (
    select logs.id, min(lane.job_id) as job_id
    from unnest(p_deliveries) as delivery
    join public.webhook_logs as logs on logs.webhook_id = delivery.webhook_id and logs.duplicate_of is null
    join unnest(p_lanes, p_job_ids) as lane (lane, job_id) on lane.lane = logs.subject_kind || ':' || logs.subject_id
    where logs.status = 'failed'
    group by logs.id
    order by logs.id
  ),
  reopened as (
    update public.webhook_logs
    set status = 'received', error = null, processed_at = null, attempts = attempts + 1, job_id = repeated.job_id
    from repeated
    where webhook_logs.id = repeated.id and webhook_logs.status = 'failed'
    returning webhook_logs.id, webhook_logs.job_id
  )
  select array_agg(reopened.id), array_agg(reopened.job_id) into revived, revived_jobs from reopened;

  insert into public.webhook_logs (
    webhook_id, webhook_type, status, provider_transaction_id, payment_id, subject_kind, subject_id, duplicate_of, skip_reason,
    secret_index, request_headers, request_body, response_body, event_at, created_at, processed_at
  )
  select
    owner.webhook_id, delivery.webhook_type, 'skipped', delivery.provider_transaction_id, owner.payment_id,
    delivery.subject_kind, delivery.subject_id, owner.id,
    case when owner.id = any (coalesce(revived, '{}'))
      and 1 = row_number() over (partition by owner.id order by delivery.index) then 'retries_failed' else 'duplicate' end,
    delivery.secret_index::smallint, delivery.headers, decode(delivery.body, 'base64'),
    '{"ok": true, "duplicate": true}', private.time_of(delivery.event_at), p_now, p_now
  from unnest(p_deliveries) as delivery
  join public.webhook_logs as owner on owner.webhook_id = delivery.webhook_id and owner.duplicate_of is null
  order by delivery.index;
end
$$;
comment on function private.record_repeats(private.delivery[], text[], bigint[], timestamptz) is
  'Every delivery adds a row: these are repeats, each pointing to the first. Returns the jobs of those that had failed and are tried again.';
revoke all on function private.record_repeats(private.delivery[], text[], bigint[], timestamptz)
from public, anon, authenticated, service_role;

create function public.record_webhooks(webhooks jsonb[]) returns setof public.recorded_webhook
-- Plans are kept per connection: one made while a table was empty must not scan it for ever.
language plpgsql security definer set search_path = '' set enable_seqscan = off
set enable_mergejoin = off set enable_hashjoin = off
as $$
#variable_conflict use_column
declare
  deliveries private.delivery[];
  repeats private.delivery[];
  recorded public.recorded_webhook[];
  owned integer[];
  v_now timestamptz;
  lanes text[];
  job_ids bigint[];
  is_new boolean[];
  used_jobs bigint[];
begin
  deliveries := private.read_deliveries(record_webhooks.webhooks);
  if exists (select from unnest(deliveries) as delivery where delivery.subject_kind = 'billing_key') then
    deliveries := private.name_billing_keys(deliveries);
  end if;
  lanes := array(select distinct delivery.lane from unnest(deliveries) as delivery where delivery.lane is not null);
  perform private.lock_lanes(lanes, 200);
  v_now := private.now();

  -- Which job each lane would use: one that has not started yet, or the next id.
  -- (private.unstarted_sync, written out: as a function it would be planned once per lane.)
  select
    array_agg(lane.lane), array_agg(coalesce(holder.ready_id, waiting.id, nextval('queue.jobs_id_seq'))),
    array_agg(coalesce(holder.ready_id, waiting.id) is null)
  into lanes, job_ids, is_new
  from unnest(lanes) as lane (lane)
  left join lateral (
    select case when jobs.state = 'ready' and jobs.kind in ('sync_payment', 'sync_billing_key') then jobs.id end as ready_id from queue.jobs
    where jobs.lane = lane.lane and jobs.state in ('ready', 'running', 'backoff')
    limit 1
  ) as holder on true
  left join lateral (
    select jobs.id from queue.jobs
    where jobs.lane between lane.lane and lane.lane and jobs.state = 'waiting' and jobs.kind in ('sync_payment', 'sync_billing_key')
    order by jobs.lane, jobs.id
    limit 1
  ) as waiting on true;

  -- The first delivery of an id owns it. Sorted by id: concurrent calls meet in the same sequence.
  with firsts as materialized (
    select distinct on (delivery.webhook_id) delivery.*, lane.job_id
    from unnest(deliveries) as delivery
    left join unnest(lanes, job_ids) as lane (lane, job_id) on lane.lane = delivery.lane
    order by delivery.webhook_id, delivery.index
  ),
  owners as (
    insert into public.webhook_logs (
      webhook_id, webhook_type, status, provider_transaction_id, payment_id, subject_kind, subject_id, job_id, skip_reason,
      secret_index, request_headers, request_body, response_body, event_at, created_at, processed_at
    )
    select
      firsts.webhook_id, firsts.webhook_type,
      case when firsts.job_id is null then 'skipped' else 'received' end::public.webhook_status,
      firsts.provider_transaction_id, payments.payment_id, firsts.subject_kind, firsts.subject_id, firsts.job_id,
      case when firsts.job_id is null then coalesce(firsts.skip_reason, 'not_actionable') end,
      firsts.secret_index::smallint, firsts.headers, decode(firsts.body, 'base64'), '{"ok": true}',
      private.time_of(firsts.event_at), v_now, case when firsts.job_id is null then v_now end
    from firsts
    left join public.payments on firsts.subject_kind = 'payment' and payments.payment_id = firsts.subject_id
    order by firsts.webhook_id
    on conflict (webhook_id) where duplicate_of is null do nothing
    returning id, webhook_id, status, job_id
  )
  select
    array_agg(row(firsts.index, owners.id, owners.webhook_id, owners.status::text, false, owners.job_id)::public.recorded_webhook),
    array_agg(firsts.index), array_agg(owners.job_id)
  into recorded, owned, used_jobs
  from owners
  join firsts using (webhook_id);

  if cardinality(deliveries) > coalesce(cardinality(owned), 0) then
    repeats := array(
      select delivery from unnest(deliveries) as delivery
      where delivery.index <> all (coalesce(owned, '{}'))
      order by delivery.index
    );
    used_jobs := used_jobs || private.record_repeats(repeats, lanes, job_ids, v_now);
  end if;

  insert into queue.jobs (id, kind, lane, state, max_failures, payload, created_at)
  select
    lane.job_id, case when lane.lane like 'payment:%' then 'sync_payment' else 'sync_billing_key' end,
    lane.lane, case when holder.id is null then 'ready' else 'waiting' end, private.read_patience(),
    case when lane.lane like 'payment:%' then jsonb_strip_nulls(jsonb_build_object('payment_id', substr(lane.lane, 9), 'store_id', (
        -- for a payment we do not know: which store's secret signed for it
        select max(delivery.store_id) from unnest(deliveries) as delivery where delivery.lane = lane.lane
      )))
      else jsonb_strip_nulls(jsonb_build_object('billing_key_id', private.uuid_of(substr(lane.lane, 13)))) end, v_now
  from unnest(lanes, job_ids, is_new) as lane (lane, job_id, is_new)
  left join lateral (
    select jobs.id from queue.jobs
    where jobs.lane = lane.lane and jobs.state in ('ready', 'running', 'backoff')
    limit 1
  ) as holder on true
  where lane.is_new and lane.job_id = any (used_jobs)
  order by lane.job_id;

  if repeats is null then
    return query select answer.* from unnest(recorded) as answer order by answer.index;
    return;
  end if;
  return query
  select answer.index, answer.id, answer.webhook_id, answer.status, answer.duplicate, answer.job_id
  from unnest(recorded) as answer
  union all
  select delivery.index, logs.id, logs.webhook_id, logs.status::text, true, owner.job_id
  from (
    select repeated.index, repeated.webhook_id,
      row_number() over (partition by repeated.webhook_id order by repeated.index desc) as place
    from unnest(repeats) as repeated
  ) as delivery
  join public.webhook_logs as owner on owner.webhook_id = delivery.webhook_id and owner.duplicate_of is null
  -- the newest rows of this owner are the ones just written, in the order of the call
  cross join lateral (
    select again.id, again.webhook_id, again.status from public.webhook_logs as again
    where again.duplicate_of = owner.id
    order by again.id desc
    offset delivery.place - 1
    limit 1
  ) as logs
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
