-- Saved cards: what PortOne says of a billing key becomes what our row says.

alter table public.billing_keys
  add column store_id text,
  add column channel_kind text,
  add column pay_method text,
  add column consented_at timestamptz;
comment on column public.billing_keys.issue_id is 'Made by the server and unguessable: whoever reports a key must have been given this.';
comment on column public.billing_keys.is_active is 'False until PortOne confirmed that the key belongs to this issue, after its owner turned it off, and after it was deleted.';

create function private.customer_id_of(p_user_id uuid) returns text
language sql immutable set search_path = ''
as $$ select left(encode(sha256(convert_to(p_user_id::text, 'UTF8')), 'hex'), 20) $$;
comment on function private.customer_id_of(uuid) is
  'What a user is called at PortOne: 20 letters and digits, always the same for a user, because Smartro takes no more and asks a customer it knows only once for their phone. Not a secret.';
revoke all on function private.customer_id_of(uuid) from public, anon, authenticated, service_role;

create function private.own_billing_key(p_me private.caller, p_id uuid) returns public.billing_keys
language plpgsql stable set search_path = ''
as $$
declare
  card public.billing_keys;
begin
  select * into card from public.billing_keys as keys
  where keys.id = p_id and (p_me.is_admin or p_me.is_service or keys.user_id = p_me.user_id);
  if card.id is null then
    perform private.fail('404', 'BILLING_KEY_NOT_FOUND', 'There is no such saved card.', 'billing_key_id', 'Send the id of a card of this user.');
  end if;
  return card;
end
$$;
comment on function private.own_billing_key(private.caller, uuid) is 'The saved card, if the caller may know of it; else BILLING_KEY_NOT_FOUND.';
revoke all on function private.own_billing_key(private.caller, uuid) from public, anon, authenticated, service_role;

create function private.usable_billing_key(p_me private.caller, p_id uuid, p_user_id uuid, p_now timestamptz) returns public.billing_keys
language plpgsql stable set search_path = ''
as $$
declare
  card public.billing_keys;
begin
  card := private.own_billing_key(p_me, p_id);
  if card.user_id <> p_user_id then
    perform private.fail('404', 'BILLING_KEY_NOT_FOUND', 'There is no such saved card.', 'billing_key_id', 'Send the id of a card of the order''s customer.');
  end if;
  if card.issued_at is null or card.deleted_at is not null or not card.is_active then
    perform private.fail('409', 'BILLING_KEY_INACTIVE', 'This card is not registered, is turned off or was deleted.', 'billing_key_id', 'Choose another card.');
  end if;
  if private.card_expired(card.card_expiry_month, card.card_expiry_year, p_now) then
    perform private.fail('409', 'BILLING_KEY_EXPIRED', 'This card has expired.', 'billing_key_id', 'Choose another card.');
  end if;
  return card;
end
$$;
comment on function private.usable_billing_key(private.caller, uuid, uuid, timestamptz) is 'The saved card, if it can be charged now for this user.';
revoke all on function private.usable_billing_key(private.caller, uuid, uuid, timestamptz) from public, anon, authenticated, service_role;

create function private.turn_off_card(p_id uuid, p_deleted_at timestamptz, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  card public.billing_keys;
begin
  update public.billing_keys set is_active = false, is_default = false, deleted_at = coalesce(deleted_at, p_deleted_at), updated_at = p_now
  where id = p_id
  returning * into card;
  -- Somebody who has cards has a default one.
  update public.billing_keys set is_default = true, updated_at = p_now
  where id = (
      select others.id from public.billing_keys as others
      where others.user_id = card.user_id and others.is_active and others.issued_at is not null
      order by others.created_at desc, others.id
      limit 1
    )
    and not exists (select from public.billing_keys as others where others.user_id = card.user_id and others.is_default);
end
$$;
comment on function private.turn_off_card(uuid, timestamptz, timestamptz) is 'Nothing new is charged to this card; the newest of the user''s other cards becomes the default when this was it.';
revoke all on function private.turn_off_card(uuid, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function private.end_billing_key(p_id uuid, p_deleted_at timestamptz, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  select private.turn_off_card(p_id, coalesce(p_deleted_at, p_now), p_now);
  -- What was planned on it will not be charged, and nothing announces that.
  select private.sync_later(schedules.payment_id, p_now, p_now)
  from public.payment_schedules as schedules
  where schedules.billing_key_id = p_id and schedules.status in ('scheduled', 'started', 'pending')
    and not exists (
      select from queue.jobs where jobs.lane = 'payment:' || schedules.payment_id and jobs.state = 'scheduled' and jobs.run_at <= p_now
    )
$$;
comment on function private.end_billing_key(uuid, timestamptz, timestamptz) is
  'PortOne does not know this key any more. Charges planned on it that nobody has seen revoked are read back.';
revoke all on function private.end_billing_key(uuid, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function private.apply_billing_key(p_id uuid, p_snapshot jsonb, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  card public.billing_keys;
  first_time boolean;
  shown constant jsonb := p_snapshot -> 'card';
begin
  select * into card from public.billing_keys as keys where keys.id = p_id for no key update;
  first_time := card.issued_at is null;
  if p_snapshot ->> 'status' = 'DELETED' then
    perform private.end_billing_key(p_id, private.time_of(p_snapshot ->> 'deleted_at'), p_now);
    return case when first_time then jsonb_build_object('code', 'BILLING_KEY_ALREADY_DELETED', 'message', 'This card was deleted before it could be registered.') end;
  end if;
  if p_snapshot ->> 'status' is distinct from 'ISSUED' then
    return jsonb_build_object('code', 'BILLING_KEY_NOT_ISSUED', 'message', 'PortOne has not issued this billing key.');
  end if;
  if card.deleted_at is not null then
    return null;
  end if;
  -- Anyone could report anyone's key: only the issue id that we made, and the customer it was given to, prove whose it is.
  if p_snapshot ->> 'issue_id' is distinct from card.issue_id
    or p_snapshot ->> 'customer_id' <> private.customer_id_of(card.user_id)
    or (card.store_id is not null and p_snapshot ->> 'store_id' is distinct from card.store_id)
    or (card.channel_kind is not null and not exists (
      select from jsonb_array_elements(case jsonb_typeof(p_snapshot -> 'channels') when 'array' then p_snapshot -> 'channels' else '[]' end) as channel
      where channel ->> 'kind' = card.channel_kind
    ))
    or exists (select from public.billing_keys as others where others.billing_key = p_snapshot ->> 'billing_key' and others.id <> p_id) then
    return jsonb_build_object('code', 'BILLING_KEY_NOT_YOURS', 'message', 'This billing key was not issued for this registration.');
  end if;
  update public.billing_keys
  set
    billing_key = p_snapshot ->> 'billing_key',
    store_id = coalesce(card.store_id, p_snapshot ->> 'store_id'),
    channel_kind = coalesce(card.channel_kind, p_snapshot -> 'channels' -> 0 ->> 'kind'),
    channel_key = coalesce(p_snapshot -> 'channels' -> 0 ->> 'key', card.channel_key),
    pg_provider = coalesce(p_snapshot -> 'channels' -> 0 ->> 'pg_provider', card.pg_provider),
    pay_method = p_snapshot ->> 'pay_method',
    card_issuer = shown ->> 'issuer', card_brand = shown ->> 'brand', card_type = shown ->> 'card_type',
    card_number_masked = shown ->> 'number_masked',
    card_expiry_year = private.number_of(shown ->> 'expiry_year')::smallint,
    card_expiry_month = private.number_of(shown ->> 'expiry_month')::smallint,
    issued_at = coalesce(card.issued_at, private.time_of(p_snapshot ->> 'issued_at'), p_now),
    is_active = first_time or card.is_active,
    is_default = card.is_default or (first_time and not exists (
      select from public.billing_keys as others where others.user_id = card.user_id and others.is_default
    )),
    updated_at = p_now
  where id = p_id;
  return null;
end
$$;
comment on function private.apply_billing_key(uuid, jsonb, timestamptz) is
  'What PortOne says of a billing key. Registers it only when issue id, customer, store and kind of channel are the ones we gave out; otherwise answers the error. A user''s first card becomes the default.';
revoke all on function private.apply_billing_key(uuid, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.settle_billing_key(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  card public.billing_keys;
  snapshot constant jsonb := nullif(p_outcome -> 'billing_key', 'null');
  listed jsonb;
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  for listed in
    select value from jsonb_array_elements(case jsonb_typeof(p_outcome -> 'schedules') when 'array' then p_outcome -> 'schedules' else '[]' end)
  loop
    if not exists (
      select from public.payment_schedules as schedules
      where schedules.payment_id = listed ->> 'payment_id' and schedules.billing_key_id = private.uuid_of(p_job.payload ->> 'billing_key_id')
    ) then
      perform private.fail('422', 'SNAPSHOT_FOR_ANOTHER_PAYMENT', format('A schedule of job %s is not of its card.', p_job.id), p_name || '.schedules', 'Send only schedules of the card the job names.');
    end if;
    -- Rows are held already, so the payment's lane is only tried: whoever has it is followed by a read-back.
    if pg_try_advisory_xact_lock(private.lane_key('payment:' || (listed ->> 'payment_id'))) then
      perform private.apply_schedule(listed, p_now);
    else
      perform private.sync_later(listed ->> 'payment_id', p_now, p_now);
    end if;
  end loop;
  select * into card from public.billing_keys as keys where keys.id = (p_job.payload ->> 'billing_key_id')::uuid;
  if card.id is null and snapshot is not null then
    -- The browser lost the answer: the webhook's key leads to the issue it was made for.
    select * into card from public.billing_keys as keys where keys.issue_id = snapshot ->> 'issue_id';
  end if;

  if card.id is null then
    if answer.verdict = 'done' then
      answer.skip_reason := 'billing_key_not_found';
    end if;
    return answer;
  end if;
  -- The default is chosen among all cards of a user, and a webhook's job has found its card only now. Rows are held
  -- already, so these lanes are only tried.
  if not pg_try_advisory_xact_lock(private.lane_key('cards:' || card.user_id))
    or not pg_try_advisory_xact_lock(private.lane_key('billing_key:' || card.id)) then
    answer.verdict := 'retry';
    answer.retry_in := 1;
    answer.counts := false;
    return answer;
  end if;
  if card.billing_key is not null and snapshot is not null and snapshot ->> 'billing_key' is distinct from card.billing_key then
    perform private.fail('422', 'SNAPSHOT_FOR_ANOTHER_PAYMENT', format('The billing key of job %s is not the one it names.', p_job.id), p_name || '.billing_key', 'Send only the key the job names.');
  end if;
  if answer.verdict = 'done' and p_outcome -> 'deleted' = 'true' and card.issued_at is not null then
    perform private.end_billing_key(card.id, null, p_now);
  elsif answer.verdict = 'done' and p_outcome -> 'deleted' = 'true' then
    answer.error := jsonb_build_object('code', 'BILLING_KEY_NOT_FOUND', 'message', 'PortOne does not know this billing key.');
  elsif answer.verdict = 'done' and snapshot is not null then
    answer.error := private.apply_billing_key(card.id, snapshot, p_now);
  end if;
  if answer.verdict = 'done' and answer.error is not null then
    answer.verdict := 'failed';
  end if;
  if answer.verdict = 'done' and p_job.kind = 'delete_billing_key'
    and exists (select from public.billing_keys as keys where keys.id = card.id and keys.deleted_at is null) then
    -- Deleted is what PortOne says is deleted.
    answer.verdict := 'retry';
  end if;
  if answer.verdict = 'failed' and p_job.kind = 'register_billing_key' then
    update public.billing_keys set billing_key = null, updated_at = p_now where id = card.id and issued_at is null;
  end if;
  select jsonb_build_object('billingKeyId', keys.id, 'cardNumber', keys.card_number_masked, 'cardIssuer', keys.card_issuer,
    'isDefault', keys.is_default, 'isActive', keys.is_active, 'deletedAt', private.iso(keys.deleted_at))
  into answer.result
  from public.billing_keys as keys where keys.id = card.id;
  return answer;
end
$$;
comment on function private.settle_billing_key(queue.jobs, jsonb, text, timestamptz) is 'Ends a job about a saved card by what PortOne says of its key.';
revoke all on function private.settle_billing_key(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;
