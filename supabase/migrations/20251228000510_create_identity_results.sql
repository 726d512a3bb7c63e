-- Identity verification, second half: what PortOne says, how the shop uses it, and how it is forgotten.

create function private.try_person(p_ci_hash text, p_di_hash text) returns boolean
language sql volatile set search_path = ''
as $$
  select coalesce(bool_and(pg_try_advisory_xact_lock(private.lane_key('person:' || named.hash))), true)
  from (select distinct given.hash from unnest(array[p_ci_hash, p_di_hash]) as given (hash) where given.hash is not null) as named
$$;
comment on function private.try_person(text, text) is
  'One person''s verifications are compared one after the other, or two accounts would not see each other. Rows are held already, so it only tries.';
revoke all on function private.try_person(text, text) from public, anon, authenticated, service_role;

create function private.settle_identity(p_job queue.jobs, p_outcome jsonb, p_name text, p_now timestamptz) returns private.verdict
language plpgsql set search_path = ''
as $$
declare
  answer private.verdict;
  identity public.identity_verifications;
  snapshot constant jsonb := nullif(p_outcome -> 'identity', 'null');
  others uuid[];
begin
  answer.verdict := p_outcome ->> 'verdict';
  answer.error := nullif(p_outcome -> 'error', 'null');
  select * into identity from public.identity_verifications as identities
  where identities.id = (p_job.payload ->> 'identity')::uuid for no key update;
  if answer.verdict <> 'done' then
    return answer;
  end if;
  if identity.id is null or identity.erased_at is not null then
    -- Forgotten while it was being read: nothing of the person may come back.
    answer.verdict := 'failed';
    answer.error := jsonb_build_object('code', 'IDENTITY_VERIFICATION_EXPIRED', 'message', 'The verification has been erased.');
    return answer;
  end if;
  if snapshot is not null and snapshot ->> 'identity_verification_id' is distinct from identity.identity_verification_id then
    perform private.fail('422', 'SNAPSHOT_FOR_ANOTHER_PAYMENT', format('The verification of job %s is not the one it names.', p_job.id), p_name || '.identity', 'Send only the verification the job names.');
  end if;

  if identity.status = 'verified' then
    null;
  elsif snapshot ->> 'status' = 'VERIFIED' and identity.expires_at + interval '10 minutes' < coalesce(private.time_of(snapshot ->> 'verified_at'), p_now) then
    answer.error := jsonb_build_object('code', 'IDENTITY_VERIFICATION_EXPIRED', 'message', 'The verification was finished after it had expired.');
  elsif snapshot ->> 'status' = 'VERIFIED' and identity.channel_kind is not null and snapshot ->> 'channel_kind' is distinct from identity.channel_kind then
    answer.error := jsonb_build_object('code', 'CHANNEL_KIND_MISMATCH', 'message', 'The verification came through a channel of the other kind.');
  elsif snapshot ->> 'status' = 'VERIFIED' and not private.try_person(snapshot ->> 'ci_hash', snapshot ->> 'di_hash') then
    answer.verdict := 'retry';
    answer.retry_in := 1;
    answer.counts := false;
    return answer;
  elsif snapshot ->> 'status' = 'VERIFIED' then
    select array_agg(distinct secrets.user_id) into others
    from private.identity_secrets as secrets
    where secrets.user_id <> identity.user_id
      and (
        (secrets.di_hash = snapshot ->> 'di_hash' and secrets.pg_merchant_id is not distinct from snapshot ->> 'pg_merchant_id')
        or secrets.ci_hash = snapshot ->> 'ci_hash'
      );
    if others is not null and not private.same_person_policy(identity.user_id, identity.purpose, others) then
      answer.error := jsonb_build_object('code', 'SAME_PERSON', 'message', 'This person has verified under another account.');
    else
      update public.identity_verifications
      set status = 'verified', verified_at = coalesce(private.time_of(snapshot ->> 'verified_at'), p_now), failure = null,
        name = snapshot ->> 'name', phone_number = snapshot ->> 'phone_number',
        operator = case when snapshot ->> 'operator' in ('SKT', 'KT', 'LGU', 'SKT_MVNO', 'KT_MVNO', 'LGU_MVNO') then snapshot ->> 'operator' end,
        birth_date = private.time_of(snapshot ->> 'birth_date')::date,
        gender = case when snapshot ->> 'gender' in ('MALE', 'FEMALE', 'OTHER') then snapshot ->> 'gender' end,
        is_foreigner = (snapshot ->> 'is_foreigner')::boolean, pg_provider = coalesce(snapshot ->> 'pg_provider', pg_provider), updated_at = p_now
      where id = identity.id;
      if jsonb_typeof(snapshot -> 'sealed') = 'object' then
        insert into private.identity_secrets (identity_id, user_id, pg_merchant_id, key_id, ci, di, ci_hash, di_hash, created_at)
        values (identity.id, identity.user_id, snapshot ->> 'pg_merchant_id', snapshot -> 'sealed' ->> 'key_id', snapshot -> 'sealed' ->> 'ci',
          snapshot -> 'sealed' ->> 'di', snapshot ->> 'ci_hash', snapshot ->> 'di_hash', p_now);
      end if;
    end if;
  elsif snapshot ->> 'status' = 'FAILED' then
    update public.identity_verifications set status = 'failed', failure = snapshot -> 'failure', updated_at = p_now where id = identity.id;
    answer.error := jsonb_build_object('code', 'IDENTITY_VERIFICATION_FAILED', 'message', 'The verification failed.') || jsonb_strip_nulls(jsonb_build_object(
      'pg_code', snapshot -> 'failure' ->> 'pg_code', 'pg_message', snapshot -> 'failure' ->> 'pg_message'));
  elsif identity.expires_at < p_now then
    update public.identity_verifications set status = 'expired', updated_at = p_now where id = identity.id;
    answer.error := jsonb_build_object('code', 'IDENTITY_VERIFICATION_EXPIRED', 'message', 'The verification has expired.');
  else
    answer.error := jsonb_build_object('code', 'IDENTITY_VERIFICATION_NOT_FINISHED', 'message', 'The verification has not been finished yet.');
  end if;
  if answer.error is not null then
    answer.verdict := 'failed';
  end if;
  select jsonb_strip_nulls(jsonb_build_object('id', identities.id, 'status', identities.status, 'purpose', identities.purpose,
    'verifiedAt', private.iso(identities.verified_at), 'age', private.age_in_korea(identities.birth_date, p_now)))
  into answer.result
  from public.identity_verifications as identities where identities.id = identity.id;
  return answer;
end
$$;
comment on function private.settle_identity(queue.jobs, jsonb, text, timestamptz) is
  'Ends the reading of a verification: VERIFIED is kept once, with CI and DI as the worker sealed them; anything else says why not.';
revoke all on function private.settle_identity(queue.jobs, jsonb, text, timestamptz) from public, anon, authenticated, service_role;

create function public.consume_identity_verification(id uuid, user_id uuid, purpose text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := private.now();
  used public.identity_verifications;
begin
  update public.identity_verifications set consumed_at = v_now, updated_at = v_now
  where id = consume_identity_verification.id and user_id = consume_identity_verification.user_id
    and purpose = consume_identity_verification.purpose and status = 'verified' and consumed_at is null and erased_at is null
  returning * into used;
  if used.id is null then
    perform private.fail('409', 'IDENTITY_NOT_USABLE', 'There is no unused verification with this id, user and purpose.', 'id', 'Have the person verify again.');
  end if;
  return jsonb_build_object('name', used.name, 'phoneNumber', used.phone_number, 'birthDate', used.birth_date, 'gender', used.gender,
    'isForeigner', used.is_foreigner, 'age', private.age_in_korea(used.birth_date, v_now), 'verifiedAt', private.iso(used.verified_at));
end
$$;
comment on function public.consume_identity_verification(uuid, uuid, text) is
  'The shop''s server uses a verification, once, for the user and purpose it was made for. Errors: IDENTITY_NOT_USABLE.';
revoke all on function public.consume_identity_verification(uuid, uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.consume_identity_verification(uuid, uuid, text) to service_role;

create function public.erase_identities(before timestamptz default null, user_id uuid default null, max integer default 500) returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := private.now();
  erased integer;
begin
  if erase_identities.before is null and erase_identities.user_id is null then
    perform private.fail('422', 'ERASE_WHAT', 'Say whose verifications to erase, or those made before when.', 'before', 'Send before, user_id, or both.');
  end if;
  with old as (
    select identities.id from public.identity_verifications as identities
    where identities.erased_at is null
      and (erase_identities.before is null or identities.created_at < erase_identities.before)
      and (erase_identities.user_id is null or identities.user_id = erase_identities.user_id)
    order by identities.created_at, identities.id
    limit least(greatest(erase_identities.max, 1), 500)
    for no key update
  ),
  secrets as (
    delete from private.identity_secrets using old where identity_secrets.identity_id = old.id
  )
  update public.identity_verifications as identities
  set name = null, phone_number = null, operator = null, birth_date = null, gender = null, is_foreigner = null, failure = null,
    erased_at = v_now, updated_at = v_now
  from old
  where identities.id = old.id;
  get diagnostics erased = row_count;
  return erased;
end
$$;
comment on function public.erase_identities(timestamptz, uuid, integer) is
  'Retention: forgets the person of up to max (500) verifications made before a time, or of a user; that and when they verified stays. Returns how many; call until 0. Errors: ERASE_WHAT.';
revoke all on function public.erase_identities(timestamptz, uuid, integer) from public, anon, authenticated, service_role;
grant execute on function public.erase_identities(timestamptz, uuid, integer) to service_role;
