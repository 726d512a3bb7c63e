-- What app clients may ask about saved cards: to issue, register and delete.

create function private.enqueue_card_operation(p_operation public.payment_operations, p_kind text, p_billing_key_id uuid, p_now timestamptz)
returns public.payment_operations
language plpgsql set search_path = ''
as $$
begin
  p_operation.job_id := private.add_job(p_kind, 'billing_key:' || p_billing_key_id, jsonb_build_object('billing_key_id', p_billing_key_id,
    'requester', case when p_operation.requested_by = (select keys.user_id from public.billing_keys as keys where keys.id = p_billing_key_id) then 'CUSTOMER' else 'ADMIN' end),
    p_now, p_operation.id);
  update public.payment_operations set job_id = p_operation.job_id where id = p_operation.id;
  return p_operation;
end
$$;
comment on function private.enqueue_card_operation(public.payment_operations, text, uuid, timestamptz) is 'Gives an operation about a saved card its job. The caller holds the card''s lane.';
revoke all on function private.enqueue_card_operation(public.payment_operations, text, uuid, timestamptz) from public, anon, authenticated, service_role;

create function private.request_billing_key_issue(p_consent boolean) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now constant timestamptz := private.now();
  channel constant jsonb := private.channel_for('billing');
  made public.billing_keys;
begin
  if me.user_id is null then
    perform private.fail('403', 'SIGN_IN_REQUIRED', 'A card is saved by its owner.', null, 'Send the user''s access token.');
  end if;
  if p_consent is distinct from true then
    perform private.fail('422', 'CONSENT_REQUIRED', 'The customer must agree to the card being saved.', 'consent', 'Send true once they have.');
  end if;
  perform private.lock_lanes(array['user:' || me.user_id]);
  if (
    select count(*) from public.billing_keys as keys
    where keys.user_id = me.user_id and keys.issued_at is null and keys.created_at > v_now - interval '1 hour'
  ) >= 20 then
    perform private.fail('429', 'TOO_MANY_REQUESTS', 'Too many cards were begun in the last hour.', null, 'Try again later.', jsonb_build_object('retry_after_seconds', 3600));
  end if;
  insert into public.billing_keys (user_id, issue_id, store_id, channel_key, channel_kind, pg_provider, is_active, consented_at, created_at, updated_at)
  values (
    me.user_id, 'iss' || replace(gen_random_uuid()::text, '-', ''), channel ->> 'store_id', channel ->> 'channel_key', channel ->> 'kind',
    channel ->> 'pg_provider', false, v_now, v_now, v_now
  )
  returning * into made;
  return jsonb_build_object('billingKeyId', made.id, 'issueId', made.issue_id, 'customerId', private.customer_id_of(made.user_id), 'storeId', made.store_id,
    'channelKey', made.channel_key, 'issueName', 'saved card');
end
$$;
comment on function private.request_billing_key_issue(boolean) is 'Makes the issue id a card window is opened with, bound to this user.';
revoke all on function private.request_billing_key_issue(boolean) from public, anon, authenticated, service_role;
grant execute on function private.request_billing_key_issue(boolean) to authenticated, service_role;

create function public.request_billing_key_issue(consent boolean) returns jsonb
language sql set search_path = ''
as $$ select private.request_billing_key_issue(request_billing_key_issue.consent) $$;
comment on function public.request_billing_key_issue(boolean) is
  'Before the card window opens: {billingKeyId, issueId, customerId, storeId, channelKey, issueName}; pass issueId and customerId to the browser SDK. Errors: SIGN_IN_REQUIRED, CONSENT_REQUIRED, TOO_MANY_REQUESTS.';
revoke all on function public.request_billing_key_issue(boolean) from public, anon, authenticated, service_role;
grant execute on function public.request_billing_key_issue(boolean) to authenticated, service_role;

create function private.register_billing_key(p_billing_key text, p_issue_id text, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  -- The key is a secret that can be charged: it takes part in the comparison of requests only as a hash of a random text.
  request constant jsonb := jsonb_build_object('issue_id', p_issue_id, 'key', encode(sha256(convert_to(coalesce(p_billing_key, ''), 'UTF8')), 'hex'));
  operation public.payment_operations;
  card public.billing_keys;
begin
  if coalesce(char_length(p_billing_key), 0) not between 1 and 255 then
    perform private.fail('422', 'BILLING_KEY_REQUIRED', 'billing_key must be 1 to 255 characters.', 'billing_key', 'Send the key the card window answered.');
  end if;
  select * into card from public.billing_keys as keys
  where keys.issue_id = p_issue_id and (keys.user_id = me.user_id or me.is_service);
  if card.id is null then
    perform private.fail('404', 'ISSUE_NOT_FOUND', 'There is no such card registration.', 'issue_id', 'Send the issue id this user was given.');
  end if;
  operation := private.start_operation(me, 'register_billing_key', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['billing_key:' || card.id]);
  v_now := private.now();
  select * into card from public.billing_keys as keys where keys.id = card.id for no key update;
  -- PortOne's webhook may have been quicker than the browser: the same key again is read back and succeeds.
  if card.deleted_at is not null or (card.issued_at is not null and card.billing_key is distinct from p_billing_key) then
    perform private.fail('409', 'BILLING_KEY_ALREADY_REGISTERED', 'This card has been registered.', 'issue_id', 'Begin anew to save another card.');
  end if;
  if exists (select from public.billing_keys as others where others.billing_key = p_billing_key and others.id <> card.id) then
    perform private.fail('409', 'BILLING_KEY_NOT_YOURS', 'This billing key was not issued for this registration.', 'billing_key', 'Begin anew.');
  end if;
  update public.billing_keys set billing_key = p_billing_key, updated_at = v_now where id = card.id;
  operation := private.add_operation(me, 'register_billing_key', request, p_idempotency_key, v_now);
  return private.enqueue_card_operation(operation, 'register_billing_key', card.id, v_now);
end
$$;
comment on function private.register_billing_key(text, text, text) is 'Has a reported billing key verified at PortOne; it counts only after that.';
revoke all on function private.register_billing_key(text, text, text) from public, anon, authenticated, service_role;
grant execute on function private.register_billing_key(text, text, text) to authenticated, service_role;

create function public.register_billing_key(billing_key text, issue_id text, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.register_billing_key(register_billing_key.billing_key, register_billing_key.issue_id, register_billing_key.idempotency_key) $$;
comment on function public.register_billing_key(text, text, text) is
  'The card window has answered with a billing key: verify at PortOne that it belongs to this user''s issue, then keep it. Errors: BILLING_KEY_REQUIRED, ISSUE_NOT_FOUND, BILLING_KEY_ALREADY_REGISTERED, BILLING_KEY_NOT_YOURS, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.register_billing_key(text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.register_billing_key(text, text, text) to authenticated, service_role;

create function private.delete_billing_key(p_id uuid, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('billing_key_id', p_id);
  operation public.payment_operations;
  card public.billing_keys;
begin
  card := private.own_billing_key(me, p_id);
  operation := private.start_operation(me, 'delete_billing_key', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['billing_key:' || card.id, 'cards:' || card.user_id]);
  v_now := private.now();
  select * into card from public.billing_keys as keys where keys.id = card.id for no key update;
  if card.deleted_at is not null then
    perform private.fail('409', 'BILLING_KEY_ALREADY_DELETED', 'This card has been deleted.', 'id', 'There is nothing left to do.');
  end if;
  if card.issued_at is null then
    perform private.fail('409', 'BILLING_KEY_INACTIVE', 'This card was never registered.', 'id', 'There is nothing to delete.');
  end if;
  -- From now on nothing new is charged to it.
  perform private.turn_off_card(card.id, null, v_now);
  operation := private.add_operation(me, 'delete_billing_key', request, p_idempotency_key, v_now);
  return private.enqueue_card_operation(operation, 'delete_billing_key', card.id, v_now);
end
$$;
comment on function private.delete_billing_key(uuid, text) is 'Turns a card off at once and has its schedules revoked and its key deleted at PortOne.';
revoke all on function private.delete_billing_key(uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.delete_billing_key(uuid, text) to authenticated, service_role;

create function public.delete_billing_key(id uuid, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.delete_billing_key(delete_billing_key.id, delete_billing_key.idempotency_key) $$;
comment on function public.delete_billing_key(uuid, text) is
  'Deletes a saved card: off at once, then its schedules are revoked and the key is deleted at PortOne. Errors: BILLING_KEY_NOT_FOUND, BILLING_KEY_INACTIVE, BILLING_KEY_ALREADY_DELETED, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.delete_billing_key(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.delete_billing_key(uuid, text) to authenticated, service_role;
