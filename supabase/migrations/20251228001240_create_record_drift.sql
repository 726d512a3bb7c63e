-- What PortOne's lists show, held against our rows. A list only says what to read back; it is never written down itself.

create type public.recorded_drift as (index integer, payment_id text, verdict text, job_id bigint);

create type private.sighting as (
  store_id text, payment_id text, status text, total numeric, cancelled numeric, currency text,
  status_changed_at timestamptz, updated_at timestamptz, known_store boolean, repair boolean, source text
);

create index payments_status_changed_at_idx on public.payments (store_id, status_changed_at) where portone_status is not null;
comment on index public.payments_status_changed_at_idx is 'check_unlisted: what PortOne''s list of a window should have shown.';

create function private.read_sighting(p_element jsonb, p_index integer) returns private.sighting
language plpgsql immutable set search_path = ''
as $$
declare
  s private.sighting;
begin
  begin
    s := jsonb_populate_record(null::private.sighting, p_element);
  exception when data_exception then
    perform private.fail('422', 'SIGHTING_INVALID', format('sightings[%s] has a time or a number that cannot be read.', p_index), format('sightings[%s]', p_index), 'Send RFC 3339 times and plain numbers.');
  end;
  if coalesce(char_length(s.payment_id), 0) not between 1 and 255 or coalesce(s.status, '') = '' or s.total is null
    or not private.are_times(p_element, '{status_changed_at,updated_at}') then
    perform private.fail('422', 'SIGHTING_INVALID', format('sightings[%s] needs payment_id, status, total and times of RFC 3339.', p_index), format('sightings[%s]', p_index), 'Send PortOne''s payment as it was listed.');
  end if;
  s.cancelled := coalesce(s.cancelled, 0);
  return s;
end
$$;
comment on function private.read_sighting(jsonb, integer) is 'A payment as PortOne listed it, as a value; refuses SIGHTING_INVALID.';
revoke all on function private.read_sighting(jsonb, integer) from public, anon, authenticated, service_role;

create function private.judge_sighting(p_payment public.payments, s private.sighting, p_now timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
declare
  theirs constant private.snapshot_order := private.snapshot_order(s.status, s.cancelled, s.status_changed_at, s.updated_at, '');
  ours constant private.snapshot_order := private.snapshot_order(
    p_payment.portone_status, p_payment.portone_cancelled, p_payment.status_changed_at, p_payment.portone_updated_at, '');
  same constant boolean := s.status = p_payment.portone_status and s.cancelled = p_payment.portone_cancelled;
begin
  if not coalesce(s.known_store, true) then
    return 'unknown_store';
  elsif p_payment.payment_id is null then
    return 'missing_here';
  elsif p_payment.portone_status is null or (not same and theirs > ours) then
    -- Never read (from before V2, or its window is just open), or its webhook may be on its way: to be read, no difference yet.
    return case
      when p_payment.origin = 'legacy' or not (private.is_settled(s.status) or s.status in ('VIRTUAL_ACCOUNT_ISSUED', 'FAILED'))
        or s.status_changed_at > p_now - interval '2 minutes' then 'newer'
      else 'late'
    end;
  elsif same then
    return case
      when private.is_settled(s.status) and (s.total <> p_payment.paid_amount or s.currency is distinct from coalesce(p_payment.currency, s.currency)) then
        -- the wrong currency is a discrepancy, and open as one
        case when 'currency' = any (p_payment.discrepancies) and s.total = p_payment.paid_amount then 'equal' else 'amount_differs' end
      when s.updated_at > p_payment.portone_updated_at then 'newer'
      else 'equal'
    end;
  elsif s.status_changed_at < p_payment.status_changed_at or s.status_changed_at is null then
    -- Lists may lag behind.
    return 'stale';
  end if;
  return case when s.status = p_payment.portone_status then 'amount_differs' else 'status_differs' end;
end
$$;
comment on function private.judge_sighting(public.payments, private.sighting, timestamptz) is
  'How a payment as PortOne listed it stands to ours: equal, stale (the list lags), newer (to be read), late (PortOne is ahead and nothing told us), missing_here, status_differs and amount_differs (contradictions at the same moment), unknown_store.';
revoke all on function private.judge_sighting(public.payments, private.sighting, timestamptz) from public, anon, authenticated, service_role;

create function private.repair_job(p_payment_id text, p_store_id text, p_now timestamptz) returns bigint
language sql set search_path = ''
as $$
  select coalesce(
    private.unstarted_sync('payment:' || p_payment_id),
    private.add_job('sync_payment', 'payment:' || p_payment_id,
      jsonb_strip_nulls(jsonb_build_object('payment_id', p_payment_id, 'store_id', p_store_id)), p_now, p_max_failures => private.read_patience())
  )
$$;
comment on function private.repair_job(text, text, timestamptz) is 'The job that reads a payment back from the store it was listed in. The caller holds the lane.';
revoke all on function private.repair_job(text, text, timestamptz) from public, anon, authenticated, service_role;

create function public.record_drift(sightings jsonb[]) returns setof public.recorded_drift
language plpgsql security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  shown private.sighting[] := '{}';
  verdicts text[];
  suspects text[];
  payment public.payments;
  v_now timestamptz := private.now();
  answer public.recorded_drift;
begin
  perform private.check_batch('sightings', record_drift.sightings);
  for i in 1 .. cardinality(record_drift.sightings) loop
    shown := shown || private.read_sighting(record_drift.sightings[i], i);
  end loop;

  -- Most are equal: looked at without a lock first.
  verdicts := array(
    select private.judge_sighting(payments, listed.sighting, v_now)
    from generate_subscripts(shown, 1) as numbered (place)
    cross join lateral (select shown[numbered.place] as sighting) as listed
    left join public.payments on payments.payment_id = (listed.sighting).payment_id
    order by numbered.place
  );
  suspects := array(
    select distinct (shown[numbered.place]).payment_id as payment_id
    from generate_subscripts(shown, 1) as numbered (place)
    where verdicts[numbered.place] not in ('equal', 'stale')
    order by 1 limit 100
  );
  perform private.lock_lanes(array(select 'payment:' || suspect from unnest(suspects) as suspect));
  v_now := private.now();

  for i in 1 .. cardinality(shown) loop
    answer := row(i, shown[i].payment_id, verdicts[i], null);
    if verdicts[i] not in ('equal', 'stale') then
      if shown[i].payment_id <> all (suspects) then
        answer.verdict := 'again';
        return next answer;
        continue;
      end if;
      select * into payment from public.payments where payments.payment_id = shown[i].payment_id;
      answer.verdict := private.judge_sighting(payment, shown[i], v_now);
    end if;
    if answer.verdict in ('late', 'missing_here', 'status_differs', 'amount_differs', 'unknown_store') then
      perform private.open_drift(answer.verdict, shown[i].payment_id, jsonb_strip_nulls(jsonb_build_object(
        'payment_id', shown[i].payment_id, 'store_id', shown[i].store_id, 'source', shown[i].source,
        'portone', jsonb_build_object('status', shown[i].status, 'total', shown[i].total, 'cancelled', shown[i].cancelled, 'currency', shown[i].currency,
          'status_changed_at', private.iso(shown[i].status_changed_at)),
        'here', case when payment.payment_id = shown[i].payment_id then jsonb_build_object('status', payment.status, 'portone_status', payment.portone_status,
          'paid', payment.paid_amount, 'cancelled', payment.cancelled_amount, 'status_changed_at', private.iso(payment.status_changed_at)) end
      )), v_now);
    end if;
    if answer.verdict not in ('equal', 'stale', 'unknown_store') and coalesce(shown[i].repair, true) then
      answer.job_id := private.repair_job(shown[i].payment_id, shown[i].store_id, v_now);
    end if;
    return next answer;
  end loop;

  -- What agrees again is over, however it came to agree.
  update public.drift_findings as findings set closed_at = v_now, closed_how = 'PortOne''s list and our row agree'
  where findings.closed_at is null and findings.kind in ('late', 'missing_there', 'status_differs', 'amount_differs')
    and findings.subject in (
      select (shown[numbered.place]).payment_id from generate_subscripts(shown, 1) as numbered (place) where verdicts[numbered.place] = 'equal'
    );
end
$$;
comment on function public.record_drift(jsonb[]) is
  'Holds payments as PortOne listed them against ours: {store_id, payment_id, status, total, cancelled, currency, status_changed_at, updated_at, known_store, repair, source}, at most 500. Differences become findings; what differs or is newer gets a job that reads it back, unless repair is false. verdict: equal, stale, newer, late, missing_here, status_differs, amount_differs, unknown_store; again: over 100 differ, send these once more. Safe to repeat. Refuses SIGHTING_INVALID.';
revoke all on function public.record_drift(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.record_drift(jsonb[]) to service_role;

create function public.check_unlisted(store_id text, from_at timestamptz, until_at timestamptz, listed text[], repair boolean default true) returns setof text
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz;
  missing text[];
  missed text;
begin
  missing := array(
    select payments.payment_id from public.payments
    where payments.store_id = check_unlisted.store_id and payments.portone_status is not null
      and payments.status_changed_at >= check_unlisted.from_at and payments.status_changed_at < check_unlisted.until_at
      and payments.payment_id <> all (coalesce(check_unlisted.listed, '{}'))
    order by payments.payment_id
    limit 100
  );
  if coalesce(check_unlisted.repair, true) then
    perform private.lock_lanes(array(select 'payment:' || missing_one from unnest(missing) as missing_one));
    v_now := private.now();
    foreach missed in array missing loop
      -- Pages shift while they are read and lists lag: only reading it by its id says that it is gone.
      perform private.repair_job(missed, check_unlisted.store_id, v_now);
    end loop;
  end if;
  return query select missing_one from unnest(missing) as missing_one;
end
$$;
comment on function public.check_unlisted(text, timestamptz, timestamptz, text[], boolean) is
  'Our payments of a store whose statusChangedAt is in a window and which PortOne''s list of that window did not show, at most 100: each is read back by its id, and is missing_there only when PortOne does not know it.';
revoke all on function public.check_unlisted(text, timestamptz, timestamptz, text[], boolean) from public, anon, authenticated, service_role;
grant execute on function public.check_unlisted(text, timestamptz, timestamptz, text[], boolean) to service_role;

create function private.note_reading(p_payment_id text, p_was_read boolean, p_not_found boolean, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  if p_was_read then
    update public.drift_findings as findings set closed_at = p_now, closed_how = 'read back'
    where findings.kind in ('late', 'missing_there') and findings.subject = p_payment_id and findings.closed_at is null;
  elsif p_not_found and exists (
    select from public.payments where payments.payment_id = p_payment_id and payments.portone_status is not null
  ) then
    perform private.open_drift('missing_there', p_payment_id, jsonb_build_object('payment_id', p_payment_id), p_now);
  end if;
end
$$;
comment on function private.note_reading(text, boolean, boolean, timestamptz) is
  'A payment was read back by its id: PortOne was ahead no longer, or does not know any more what it once told us of.';
revoke all on function private.note_reading(text, boolean, boolean, timestamptz) from public, anon, authenticated, service_role;
