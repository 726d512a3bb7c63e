-- Which of PortOne's cancellations a refund of ours is, where PortOne's answer to it does not say so, or says no.

create function private.fitting_entries(p_refund public.payment_cancellations) returns text[]
language sql stable set search_path = ''
as $$
  select coalesce(array_agg(others.cancellation_id), '{}')
  from public.payment_cancellations as others
  where others.payment_id = p_refund.payment_id and others.operation_id is null and others.trigger = 'API'
    and others.amount = p_refund.amount and others.tax_free_amount = p_refund.tax_free_amount
    and others.requested_at >= p_refund.sent_at - interval '1 minute'
$$;
comment on function private.fitting_entries(public.payment_cancellations) is
  'Which of PortOne''s entries may be this refund: nobody''s yet, made over the API since it was sent, of the same amount and tax-free part.';
revoke all on function private.fitting_entries(public.payment_cancellations) from public, anon, authenticated, service_role;

create function private.may_be_listed(p_refund public.payment_cancellations) returns boolean
language sql stable set search_path = ''
as $$
  -- Before the send PortOne was read, and what it listed became rows: only what came later is younger than the send here.
  select exists (
    select from public.payment_cancellations as others
    where others.payment_id = p_refund.payment_id and others.operation_id is null and coalesce(others.trigger, 'API') = 'API'
      and others.status <> 'failed' and others.amount = p_refund.amount and others.created_at > p_refund.sent_at
  )
$$;
comment on function private.may_be_listed(public.payment_cancellations) is
  'Whether an entry like this refund has turned up since it was sent, whatever time, split or trigger PortOne gives it: where a clock is off it may be ours, so nobody may say that there is none.';
revoke all on function private.may_be_listed(public.payment_cancellations) from public, anon, authenticated, service_role;

create function private.contradict_refusal(p_refund public.payment_cancellations, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  last constant private.attempts := private.last_attempt(p_refund.operation_id);
  matches text[];
begin
  -- A first send refused by PortOne itself did not happen. A repeat may have been refused because of what the first send
  -- did, once PortOne has forgotten the key; and a PG may have done what it said it did not.
  if last.outcome is distinct from 'failed' or not (last.last_sent_at > last.sent_at or coalesce(last.error ->> 'code', '') = 'PG_PROVIDER') then
    return;
  end if;
  -- One that PortOne lists as failed says the same as its refusal.
  matches := array(
    select listed.cancellation_id from public.payment_cancellations as listed
    where listed.payment_id = p_refund.payment_id and listed.cancellation_id = any (private.fitting_entries(p_refund)) and listed.status <> 'failed'
  );
  if cardinality(matches) = 1 then
    perform private.adopt_cancellation(p_refund.id, matches[1], p_now);
  elsif private.may_be_listed(p_refund) then
    update public.payment_cancellations set status = 'unknown', updated_at = p_now where id = p_refund.id;
  end if;
end
$$;
comment on function private.contradict_refusal(public.payment_cancellations, timestamptz) is
  'PortOne refused a send of this refund and lists what can only be it: a fact, so it is this refund, and nothing is sent again. Where it may be one of several, nobody knows how it ended.';
revoke all on function private.contradict_refusal(public.payment_cancellations, timestamptz) from public, anon, authenticated, service_role;
