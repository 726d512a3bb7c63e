-- Identity verification (Danal): who a user is, verified by their phone; CI and DI sealed by the worker.

create type public.identity_status as enum ('ready', 'verified', 'failed', 'expired');

create table public.identity_verifications (
  id uuid primary key default gen_random_uuid(),
  identity_verification_id text not null unique,
  user_id uuid not null references auth.users (id) on delete restrict,
  purpose text not null,
  status public.identity_status not null default 'ready',
  consented_at timestamptz not null,
  expires_at timestamptz not null,
  store_id text,
  channel_key text,
  channel_kind text,
  pg_provider text,
  name text,
  phone_number text,
  operator text,
  birth_date date,
  gender text,
  is_foreigner boolean,
  failure jsonb,
  sent_at timestamptz,
  verified_at timestamptz,
  consumed_at timestamptz,
  erased_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint identity_verifications_purpose_check check (purpose ~ '^[a-z][a-z0-9_]{1,49}$'),
  constraint identity_verifications_operator_check check (operator in ('SKT', 'KT', 'LGU', 'SKT_MVNO', 'KT_MVNO', 'LGU_MVNO')),
  constraint identity_verifications_gender_check check (gender in ('MALE', 'FEMALE', 'OTHER')),
  constraint identity_verifications_verified_check check ((status = 'verified') = (verified_at is not null))
);
comment on table public.identity_verifications is
  'One row per verification: single use, bound to a user and a purpose, consent first. Its owner and admins read it; CI and DI are not in it.';
create index identity_verifications_user_id_idx on public.identity_verifications (user_id, created_at desc);
comment on index public.identity_verifications_user_id_idx is 'RLS and throttling: a user''s own verifications; foreign key.';
alter table public.identity_verifications enable row level security;
revoke all on public.identity_verifications from public, anon, authenticated, service_role;
grant select on public.identity_verifications to authenticated, service_role;
create policy identity_verifications_select_own on public.identity_verifications for select to authenticated
using (user_id between (select private.first_visible_user()) and (select private.last_visible_user()));

create table private.identity_secrets (
  identity_id uuid primary key references public.identity_verifications (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  pg_merchant_id text,
  key_id text not null,
  ci text,
  di text,
  ci_hash text,
  di_hash text,
  created_at timestamptz not null
);
comment on table private.identity_secrets is
  'CI and DI as AES-256-GCM ciphertext made by the worker, and keyed hashes to find the same person. A DI is the same only within one PG merchant id.';
create index identity_secrets_di_hash_idx on private.identity_secrets (di_hash, pg_merchant_id) where di_hash is not null;
comment on index private.identity_secrets_di_hash_idx is 'same_person: by DI within a merchant.';
create index identity_secrets_ci_hash_idx on private.identity_secrets (ci_hash) where ci_hash is not null;
comment on index private.identity_secrets_ci_hash_idx is 'same_person: by CI.';
create index identity_secrets_user_id_idx on private.identity_secrets (user_id);
comment on index private.identity_secrets_user_id_idx is 'Erasure by user; foreign key.';
alter table private.identity_secrets enable row level security;
revoke all on private.identity_secrets from public, anon, authenticated, service_role;

create table private.identity_calls (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  address_hash text,
  step text not null,
  called_at timestamptz not null
);
comment on table private.identity_calls is 'Throttling: who asked for a verification or a message when, from which (hashed) address.';
create index identity_calls_user_id_idx on private.identity_calls (user_id, called_at);
comment on index private.identity_calls_user_id_idx is 'throttle_identity: by user.';
create index identity_calls_address_idx on private.identity_calls (address_hash, called_at) where address_hash is not null;
comment on index private.identity_calls_address_idx is 'throttle_identity: by address.';
alter table private.identity_calls enable row level security;
revoke all on private.identity_calls from public, anon, authenticated, service_role;
revoke all on sequence private.identity_calls_id_seq from public, anon, authenticated, service_role;

create function private.throttle_identity(p_user_id uuid, p_address_hash text, p_step text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  perform private.lock_lanes(array['identity-user:' || p_user_id, 'identity-address:' || p_address_hash]);
  -- Danal blocks an address at 30 an hour and 200 a day (its error 0086); we stop well before that.
  if (select count(*) from private.identity_calls as calls where calls.user_id = p_user_id and calls.called_at > p_now - interval '1 hour') >= 10
    or (select count(*) from private.identity_calls as calls where calls.address_hash = p_address_hash and calls.called_at > p_now - interval '1 hour') >= 20
    or (select count(*) from private.identity_calls as calls where calls.address_hash = p_address_hash and calls.called_at > p_now - interval '1 day') >= 150 then
    perform private.fail('429', 'TOO_MANY_REQUESTS', 'Too many identity checks from this user or address.', null, 'Try again in an hour.', jsonb_build_object('retry_after_seconds', 3600));
  end if;
  insert into private.identity_calls (user_id, address_hash, step, called_at) values (p_user_id, p_address_hash, p_step, p_now);
end
$$;
comment on function private.throttle_identity(uuid, text, text, timestamptz) is 'At most 10 an hour for a user, 20 an hour and 150 a day for an address.';
revoke all on function private.throttle_identity(uuid, text, text, timestamptz) from public, anon, authenticated, service_role;

create function private.age_in_korea(p_birth_date date, p_now timestamptz) returns integer
language sql immutable set search_path = ''
return extract(year from age((p_now at time zone 'Asia/Seoul')::date, p_birth_date))::integer;
comment on function private.age_in_korea(date, timestamptz) is 'Full years on the present day in Korea.';
revoke all on function private.age_in_korea(date, timestamptz) from public, anon, authenticated, service_role;

create function private.same_person_policy(p_user_id uuid, p_purpose text, p_other_users uuid[]) returns boolean
language sql stable set search_path = ''
return true;
comment on function private.same_person_policy(uuid, text, uuid[]) is
  'Called when a verified person has verified under other accounts too. True lets it pass; replace the body to return false where one person may have one account.';
revoke all on function private.same_person_policy(uuid, text, uuid[]) from public, anon, authenticated, service_role;

create function private.request_identity_verification(p_purpose text, p_consent boolean, p_address_hash text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now constant timestamptz := private.now();
  channel constant jsonb := private.channel_for('identity');
  made public.identity_verifications;
begin
  if me.user_id is null then
    perform private.fail('403', 'SIGN_IN_REQUIRED', 'A person verifies themselves.', null, 'Send the user''s access token.');
  end if;
  if coalesce(p_purpose, '') !~ '^[a-z][a-z0-9_]{1,49}$' then
    perform private.fail('422', 'PURPOSE_REQUIRED', 'purpose must be a word of lower-case letters, digits and _.', 'purpose', 'Say what it is for, such as signup or adult_content.');
  end if;
  if p_consent is distinct from true then
    perform private.fail('422', 'CONSENT_REQUIRED', 'The person must agree before anything is asked of the carrier.', 'consent', 'Send true once they have.');
  end if;
  perform private.throttle_identity(me.user_id, left(p_address_hash, 128), 'request', v_now);
  insert into public.identity_verifications (
    identity_verification_id, user_id, purpose, consented_at, expires_at, store_id, channel_key, channel_kind, pg_provider, created_at, updated_at
  )
  values (
    'iv' || replace(gen_random_uuid()::text, '-', ''), me.user_id, p_purpose, v_now, v_now + interval '1 hour',
    channel ->> 'store_id', channel ->> 'channel_key', channel ->> 'kind', channel ->> 'pg_provider', v_now, v_now
  )
  returning * into made;
  return jsonb_build_object('id', made.id, 'identityVerificationId', made.identity_verification_id, 'storeId', made.store_id,
    'channelKey', made.channel_key, 'expiresAt', private.iso(made.expires_at));
end
$$;
comment on function private.request_identity_verification(text, boolean, text) is 'Notes the consent, then makes the single-use id.';
revoke all on function private.request_identity_verification(text, boolean, text) from public, anon, authenticated, service_role;
grant execute on function private.request_identity_verification(text, boolean, text) to authenticated, service_role;

create function public.request_identity_verification(purpose text, consent boolean, address_hash text default null) returns jsonb
language sql set search_path = ''
as $$ select private.request_identity_verification(request_identity_verification.purpose, request_identity_verification.consent, request_identity_verification.address_hash) $$;
comment on function public.request_identity_verification(text, boolean, text) is
  'Before the identity window opens: {id, identityVerificationId, storeId, channelKey, expiresAt}; good for an hour, one success, this user and purpose. Errors: SIGN_IN_REQUIRED, PURPOSE_REQUIRED, CONSENT_REQUIRED, TOO_MANY_REQUESTS.';
revoke all on function public.request_identity_verification(text, boolean, text) from public, anon, authenticated, service_role;
grant execute on function public.request_identity_verification(text, boolean, text) to authenticated, service_role;

create function private.own_identity(p_me private.caller, p_id uuid) returns public.identity_verifications
language plpgsql stable set search_path = ''
as $$
declare
  identity public.identity_verifications;
begin
  select * into identity from public.identity_verifications as identities where identities.id = p_id and identities.user_id = p_me.user_id;
  if identity.id is null then
    perform private.fail('404', 'IDENTITY_VERIFICATION_NOT_FOUND', 'There is no such identity verification.', 'id', 'Send the id this user was given.');
  end if;
  return identity;
end
$$;
comment on function private.own_identity(private.caller, uuid) is 'The verification, if it is the caller''s; else IDENTITY_VERIFICATION_NOT_FOUND.';
revoke all on function private.own_identity(private.caller, uuid) from public, anon, authenticated, service_role;

create function private.authorize_identity_call(p_id uuid, p_step text, p_address_hash text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now constant timestamptz := private.now();
  identity public.identity_verifications;
begin
  identity := private.own_identity(me, p_id);
  if coalesce(p_step, '') not in ('send', 'resend', 'confirm') then
    perform private.fail('422', 'STEP_UNKNOWN', 'step must be send, resend or confirm.', 'step', 'Send one of these words.');
  end if;
  if identity.status = 'verified' then
    perform private.fail('409', 'IDENTITY_VERIFICATION_ALREADY_VERIFIED', 'This verification has succeeded.', 'id', 'Complete it.');
  end if;
  if identity.expires_at < v_now then
    perform private.fail('409', 'IDENTITY_VERIFICATION_EXPIRED', 'This verification has expired.', 'id', 'Begin a new one.');
  end if;
  perform private.throttle_identity(me.user_id, left(p_address_hash, 128), p_step, v_now);
  update public.identity_verifications set sent_at = case when p_step = 'confirm' then sent_at else v_now end, updated_at = v_now
  where id = identity.id;
  return jsonb_build_object('id', identity.id, 'identityVerificationId', identity.identity_verification_id, 'storeId', identity.store_id,
    'channelKey', identity.channel_key, 'userId', identity.user_id);
end
$$;
comment on function private.authorize_identity_call(uuid, text, text) is 'May this user have a message sent or a code checked now? Throttled.';
revoke all on function private.authorize_identity_call(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function private.authorize_identity_call(uuid, text, text) to authenticated, service_role;

create function public.authorize_identity_call(id uuid, step text, address_hash text default null) returns jsonb
language sql set search_path = ''
as $$ select private.authorize_identity_call(authorize_identity_call.id, authorize_identity_call.step, authorize_identity_call.address_hash) $$;
comment on function public.authorize_identity_call(uuid, text, text) is
  'The worker asks this as the user before it sends a message or checks a code. Errors: IDENTITY_VERIFICATION_NOT_FOUND, STEP_UNKNOWN, IDENTITY_VERIFICATION_ALREADY_VERIFIED, IDENTITY_VERIFICATION_EXPIRED, TOO_MANY_REQUESTS, SIGN_IN_REQUIRED.';
revoke all on function public.authorize_identity_call(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.authorize_identity_call(uuid, text, text) to authenticated, service_role;

create function private.complete_identity_verification(p_id uuid, p_idempotency_key text) returns public.payment_operations
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz := private.now();
  request constant jsonb := jsonb_build_object('identity', p_id);
  operation public.payment_operations;
  identity public.identity_verifications;
begin
  identity := private.own_identity(me, p_id);
  operation := private.start_operation(me, 'complete_identity', request, p_idempotency_key, v_now);
  if operation.id is not null then
    return operation;
  end if;
  perform private.lock_lanes(array['identity:' || identity.id]);
  v_now := private.now();
  operation := private.add_operation(me, 'complete_identity', request, p_idempotency_key, v_now);
  operation.job_id := private.add_job('read_identity', 'identity:' || identity.id, jsonb_build_object('identity', identity.id), v_now, operation.id);
  update public.payment_operations set job_id = operation.job_id where id = operation.id;
  return operation;
end
$$;
comment on function private.complete_identity_verification(uuid, text) is 'Enqueues reading a verification back.';
revoke all on function private.complete_identity_verification(uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.complete_identity_verification(uuid, text) to authenticated, service_role;

create function public.complete_identity_verification(id uuid, idempotency_key text default null) returns public.payment_operations
language sql set search_path = ''
as $$ select private.complete_identity_verification(complete_identity_verification.id, complete_identity_verification.idempotency_key) $$;
comment on function public.complete_identity_verification(uuid, text) is
  'The identity window has closed: read the verification back from PortOne. Only VERIFIED counts. Errors: IDENTITY_VERIFICATION_NOT_FOUND, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, SIGN_IN_REQUIRED.';
revoke all on function public.complete_identity_verification(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.complete_identity_verification(uuid, text) to authenticated, service_role;
