-- How functions refuse (one closed list of codes) and how they learn who is calling.

create function private.fail(
  p_status text, p_code text, p_message text, p_field text default null, p_hint text default null, p_facts jsonb default '{}'
) returns void
language plpgsql set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT' || p_status,
    message = p_message,
    detail = (jsonb_strip_nulls(jsonb_build_object('code', p_code, 'field', p_field)) || p_facts)::text,
    hint = coalesce(p_hint, '');
end
$$;
comment on function private.fail(text, text, text, text, text, jsonb) is
  'Refuses the call: HTTP status (400, 403, 404, 409, 422, 429, 503), code from the closed list in docs/database.md, a sentence, the field and the fix.';
revoke all on function private.fail(text, text, text, text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function private.fail(text, text, text, text, text, jsonb) to authenticated, service_role;

create type private.caller as (user_id uuid, is_admin boolean, is_service boolean, scope text);

create function private.caller() returns private.caller
language plpgsql stable set search_path = ''
as $$
declare
  me private.caller;
begin
  -- The role the API switched to: unlike current_user it is not changed by a definer function.
  me.is_service := coalesce(current_setting('role', true), '') = 'service_role';
  me.user_id := case when me.is_service then null else (select auth.uid()) end;
  me.is_admin := not me.is_service and private.is_admin();
  me.scope := case when me.is_service then 'service_role' else me.user_id::text end;
  if me.scope is null then
    perform private.fail('403', 'SIGN_IN_REQUIRED', 'This call needs a signed-in user.', null, 'Send the user''s access token.');
  end if;
  return me;
end
$$;
comment on function private.caller() is 'Who is calling: the signed-in user, whether an admin, or the service role. Refuses everybody else with SIGN_IN_REQUIRED.';
revoke all on function private.caller() from public, anon, authenticated, service_role;

create function private.check_batch(p_name text, p_elements jsonb[], p_max integer default 500) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  bad integer;
begin
  if p_elements is null then
    perform private.fail('422', 'BATCH_REQUIRED', format('%s must be an array of objects.', p_name), p_name, 'Send [] for nothing.');
  end if;
  if cardinality(p_elements) > p_max then
    perform private.fail('422', 'BATCH_TOO_LARGE', format('%s holds %s elements; at most %s a call.', p_name, cardinality(p_elements), p_max),
      p_name, 'Split the call.', jsonb_build_object('max', p_max));
  end if;
  if pg_column_size(p_elements) > 4 * 1024 * 1024 then
    perform private.fail('422', 'BATCH_TOO_LARGE', format('%s is larger than 4 MiB.', p_name), p_name, 'Split the call.',
      jsonb_build_object('max_bytes', 4 * 1024 * 1024));
  end if;
  select ordinality into bad
  from unnest(p_elements) with ordinality as element (value, ordinality)
  where element.value is null or jsonb_typeof(element.value) <> 'object'
  limit 1;
  if bad is not null then
    perform private.fail('422', 'ELEMENT_NOT_AN_OBJECT', format('%s[%s] is not an object.', p_name, bad), format('%s[%s]', p_name, bad), 'Every element is a JSON object.');
  end if;
end
$$;
comment on function private.check_batch(text, jsonb[], integer) is
  'Refuses a batch argument that is null, over p_max elements or 4 MiB, or has an element that is not an object (named by its index, from 1).';
revoke all on function private.check_batch(text, jsonb[], integer) from public, anon, authenticated, service_role;

create function private.amount_of(p_value numeric, p_field text) returns integer
language plpgsql immutable set search_path = ''
as $$
begin
  if p_value is null then
    return null;
  end if;
  if p_value = 'NaN'::numeric or p_value <> trunc(p_value) then
    perform private.fail('422', 'AMOUNT_NOT_WHOLE', format('%s must be a whole number of minor units.', p_field), p_field, 'KRW has no decimals; USD 10.50 is 1050.');
  end if;
  if p_value < 0 or p_value > 2147483647 then
    perform private.fail('422', 'AMOUNT_OUT_OF_RANGE', format('%s must be between 0 and 2147483647 minor units.', p_field), p_field,
      'Amounts are whole minor units of the currency.', jsonb_build_object('max', 2147483647));
  end if;
  return p_value::integer;
end
$$;
comment on function private.amount_of(numeric, text) is 'A number from outside as an amount in minor units; refuses fractions and what does not fit, never truncates.';
revoke all on function private.amount_of(numeric, text) from public, anon, authenticated, service_role;

create function private.number_of(p_text text) returns numeric
language plpgsql immutable set search_path = ''
as $$
begin
  return nullif(p_text::numeric, 'NaN'::numeric);
exception when data_exception then
  return null;
end
$$;
comment on function private.number_of(text) is 'A number from JSON text, null when it is none.';
revoke all on function private.number_of(text) from public, anon, authenticated, service_role;

create function private.uuid_of(p_text text) returns uuid
language plpgsql immutable set search_path = ''
as $$
begin
  return case when p_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_text::uuid end;
end
$$;
comment on function private.uuid_of(text) is 'A UUID from text, null when it is none.';
revoke all on function private.uuid_of(text) from public, anon, authenticated, service_role;
