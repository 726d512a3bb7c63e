-- What is followed without anybody asking: refunds that PortOne carries out later, payouts of virtual-account refunds, windows nobody came back to, sealed bodies under an old key.

create function private.follow_refund(p_payment_id text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  payment record;
  open_since timestamptz;
  age interval;
begin
  select payments.refund_status, payments.cancelled_amount, payments.cancelled_at into payment
  from public.payments where payments.payment_id = p_payment_id;
  -- PortOne carries it out later, and when it fails no webhook says so.
  select min(coalesce(refunds.requested_at, refunds.created_at)) into open_since
  from public.payment_cancellations as refunds
  where refunds.payment_id = p_payment_id and refunds.status = 'requested' and refunds.cancellation_id is not null;

  if payment.cancelled_amount = 0 and open_since is null then
    -- Nothing was ever given back (what is cancelled never shrinks), so there is no finding to close either.
    return;
  end if;
  if payment.refund_status is null or payment.refund_status = 'COMPLETED' or payment.cancelled_amount = 0 then
    perform private.close_drift('refund_not_paid_out', p_payment_id, coalesce(payment.refund_status, 'none'), p_now);
  else
    open_since := least(open_since, coalesce(payment.cancelled_at, p_now));
    if payment.refund_status in ('FAILED', 'PARTIAL_REFUND_FAILED') then
      -- Cancelled, but the customer has not got the money: usually a wrong account.
      perform private.open_drift('refund_not_paid_out', p_payment_id, jsonb_build_object('refund_status', payment.refund_status), p_now);
    end if;
  end if;
  age := p_now - open_since;
  if age < interval '14 days' and not exists (
    select from queue.jobs where jobs.lane = 'payment:' || p_payment_id and jobs.state = 'scheduled'
  ) then
    -- Banks need one or two business days: ask often at first, then twice a day.
    perform private.sync_later(p_payment_id, p_now + least(greatest(age, interval '10 minutes'), interval '12 hours'), p_now);
  end if;
end
$$;
comment on function private.follow_refund(text, timestamptz) is
  'Reads a payment back, with decay, for two weeks, while PortOne has a cancellation of it to carry out, or a cancelled virtual-account payment is not over for its customer (refundStatus is not COMPLETED).';
revoke all on function private.follow_refund(text, timestamptz) from public, anon, authenticated, service_role;

create function private.expire_abandoned(p_max integer, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  old record;
  expired integer := 0;
begin
  for old in
    select payments.payment_id from public.payments
    where payments.is_live and payments.status = 'ready' and payments.updated_at < p_now - interval '24 hours'
      and not exists (
        select from public.payment_schedules as schedules
        where schedules.payment_id = payments.payment_id and schedules.status not in ('succeeded', 'failed', 'revoked')
      )
    order by payments.updated_at
    limit p_max
  loop
    if not pg_try_advisory_xact_lock(private.lane_key('payment:' || old.payment_id)) then
      continue;
    end if;
    if exists (select from public.payments where payments.payment_id = old.payment_id and private.is_being_paid(payments)) then
      continue;
    end if;
    -- Our word only: PortOne's READY has no end, and should it be paid after all, that is found and counts.
    update public.payments set status = 'expired', is_live = false, updated_at = p_now
    where payments.payment_id = old.payment_id and payments.status = 'ready';
    if found then
      expired := expired + 1;
      perform private.append_event(old.payment_id, 'status_changed', 'ready', 'expired', '{"reason": "abandoned"}', 'database', p_now);
    end if;
  end loop;
  return expired;
end
$$;
comment on function private.expire_abandoned(integer, timestamptz) is 'Windows nobody came back to for a day free their order; portone_status stays what PortOne said.';
revoke all on function private.expire_abandoned(integer, timestamptz) from public, anon, authenticated, service_role;

create index payments_ready_idx on public.payments (updated_at) where is_live and status = 'ready';
comment on index public.payments_ready_idx is 'expire_abandoned: windows nobody came back to.';

create type public.sealed_identity as (id text, key_id text, ci text, di text);

create function public.list_sealed(after text default null, max integer default 200) returns setof public.sealed_identity
language sql stable security definer set search_path = ''
as $$
  select secrets.identity_id::text, secrets.key_id, secrets.ci, secrets.di
  from private.identity_secrets as secrets
  where list_sealed.after is null or secrets.identity_id > private.uuid_of(list_sealed.after)
  order by secrets.identity_id
  limit least(greatest(list_sealed.max, 1), 500)
$$;
comment on function public.list_sealed(text, integer) is 'Rotation: the sealed CI and DI of up to max (500) verifications after an id, with the id of the key they are under.';
revoke all on function public.list_sealed(text, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_sealed(text, integer) to service_role;

create type public.resealed_text as (index integer, id text, resealed boolean);

create function public.reseal(texts jsonb[]) returns setof public.resealed_text
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  element jsonb;
  answer public.resealed_text;
begin
  perform private.check_batch('texts', reseal.texts);
  for i in 1 .. cardinality(reseal.texts) loop
    element := reseal.texts[i];
    -- One person's CI and DI move together, so that one key id covers both.
    update private.identity_secrets
    set ci = case when ci is null then null else element ->> 'ci' end,
      di = case when di is null then null else element ->> 'di' end,
      key_id = element ->> 'key_id'
    where identity_id = private.uuid_of(element ->> 'id') and key_id = element ->> 'old_key_id'
      and (ci is null) = ((element ->> 'ci') is null) and (di is null) = ((element ->> 'di') is null)
      and element ->> 'key_id' is not null;
    answer := row(i, element ->> 'id', found);
    return next answer;
  end loop;
end
$$;
comment on function public.reseal(jsonb[]) is 'Rotation: {id, old_key_id, key_id, ci, di} replaces both ciphertexts of one verification, if they are still under old_key_id.';
revoke all on function public.reseal(jsonb[]) from public, anon, authenticated, service_role;
grant execute on function public.reseal(jsonb[]) to service_role;
