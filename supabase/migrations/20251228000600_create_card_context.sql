-- What a worker needs to know to run the jobs of saved cards, schedules, confirmations and identity checks.

create function private.json_of(p_body bytea) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return convert_from(p_body, 'UTF8')::jsonb;
exception when data_exception then
  return null;
end
$$;
comment on function private.json_of(bytea) is 'A body from outside as JSON, null when PostgreSQL cannot hold it (NUL, lone surrogates): one such delivery must not keep others from being claimed.';
revoke all on function private.json_of(bytea) from public, anon, authenticated, service_role;

create function private.card_context(p_id bigint, p_kind text, p_payload jsonb, p_operation_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'billing_key', case
      when p_payload ? 'billing_key_id' then (
        select jsonb_build_object('id', keys.id, 'user_id', keys.user_id, 'customer_id', private.customer_id_of(keys.user_id), 'issue_id', keys.issue_id, 'billing_key', keys.billing_key,
          'store_id', keys.store_id, 'channel_key', keys.channel_key, 'channel_kind', keys.channel_kind, 'pg_provider', keys.pg_provider,
          'status', case when keys.deleted_at is not null then 'deleted' when keys.issued_at is not null then 'issued' else 'reported' end)
        from public.billing_keys as keys where keys.id = private.uuid_of(p_payload ->> 'billing_key_id')
      )
      when p_kind = 'sync_payment' then (
        -- A schedule whose id was lost with a reply can only be looked for among those of its card.
        select jsonb_build_object('id', keys.id, 'user_id', keys.user_id, 'billing_key', keys.billing_key, 'store_id', keys.store_id)
        from public.payment_schedules as schedules
        join public.billing_keys as keys on keys.id = schedules.billing_key_id
        where schedules.payment_id = p_payload ->> 'payment_id' and schedules.schedule_id is null
      )
      when p_kind = 'sync_billing_key' then (
        -- A key we do not know: it stands only in the body of the delivery that waits for this job.
        select jsonb_build_object('billing_key', private.json_of(logs.request_body) #>> '{data,billingKey}')
        from public.webhook_logs as logs
        where logs.job_id = p_id and logs.status = 'received'
        order by logs.id limit 1
      )
    end,
    'schedule', (
      select jsonb_build_object('id', schedules.id, 'schedule_id', schedules.schedule_id, 'payment_id', schedules.payment_id,
        'time_to_pay', private.iso(schedules.time_to_pay), 'status', schedules.status)
      from public.payment_schedules as schedules
      where p_kind in ('create_schedule', 'revoke_schedule', 'sync_payment') and schedules.payment_id = p_payload ->> 'payment_id'
    ),
    'schedules', case when p_kind = 'delete_billing_key' then (
      select coalesce(jsonb_agg(jsonb_build_object('schedule_id', schedules.schedule_id, 'payment_id', schedules.payment_id) order by schedules.time_to_pay), '[]')
      from public.payment_schedules as schedules
      where schedules.billing_key_id = private.uuid_of(p_payload ->> 'billing_key_id')
        and schedules.status in ('requested', 'scheduled', 'started', 'pending', 'unknown') and schedules.schedule_id is not null
    ) end,
    'secret', (
      select jsonb_build_object('payment_token', tokens.payment_token, 'tx_id', tokens.tx_id)
      from private.payment_tokens as tokens where p_kind = 'confirm_payment' and tokens.operation_id = p_operation_id
    ),
    'identity', (
      select jsonb_build_object('id', identities.id, 'identity_verification_id', identities.identity_verification_id, 'user_id', identities.user_id,
        'purpose', identities.purpose, 'expires_at', private.iso(identities.expires_at), 'store_id', identities.store_id)
      from public.identity_verifications as identities
      where p_kind = 'read_identity' and identities.id = private.uuid_of(p_payload ->> 'identity')
    )
  ));
end
$$;
comment on function private.card_context(bigint, text, jsonb, uuid) is 'The saved card with its key, the schedule, the token or the verification a job is about, as of its claim.';
revoke all on function private.card_context(bigint, text, jsonb, uuid) from public, anon, authenticated, service_role;

grant select (pay_method, consented_at) on public.billing_keys to authenticated;
