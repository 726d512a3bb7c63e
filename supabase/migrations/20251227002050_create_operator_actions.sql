-- What operators did by hand, with who and why; who counts as an operator; and closing a finding.

create table public.operator_actions (
  id bigint generated always as identity primary key,
  action text not null,
  subject text not null,
  payment_id text,
  actor text not null,
  reason text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null,
  constraint operator_actions_action_check check (action in ('requeue_job', 'discard_job', 'cancel_job', 'replay_webhook', 'close_finding'))
);
comment on table public.operator_actions is
  'What an admin or whoever holds the service key did to jobs, webhooks and findings: append-only, with actor and reason. subject is the id of the job, of the webhook_logs row or of the finding.';
comment on column public.operator_actions.actor is 'An admin''s user id; for the service role what it says of itself, after service_role:.';
create index operator_actions_payment_id_idx on public.operator_actions (payment_id) where payment_id is not null;
comment on index public.operator_actions_payment_id_idx is 'payment_timeline: what operators did about one payment.';
create index operator_actions_subject_idx on public.operator_actions (subject, id);
comment on index public.operator_actions_subject_idx is 'describe_job: what operators did to one job.';

alter table public.operator_actions enable row level security;
revoke all on public.operator_actions from public, anon, authenticated, service_role;
revoke all on sequence public.operator_actions_id_seq from public, anon, authenticated, service_role;
grant select on public.operator_actions to authenticated, service_role;
create policy operator_actions_select_admin on public.operator_actions for select to authenticated
using ((select private.is_admin()));
create trigger operator_actions_append_only before update or delete on public.operator_actions
for each row execute function private.refuse_change();

create function private.operator_name(p_actor text) returns text
language plpgsql stable set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
begin
  if me.is_admin then
    -- What an admin's token says, not what the caller says of itself.
    return me.user_id::text;
  end if;
  if not me.is_service then
    perform private.fail('403', 'ADMIN_REQUIRED', 'Only admins may do this.', null, 'Sign in as an admin.');
  end if;
  return 'service_role' || coalesce(':' || nullif(left(regexp_replace(p_actor, '[[:cntrl:]]', '', 'g'), 100), ''), '');
end
$$;
comment on function private.operator_name(text) is 'Who acts: an admin''s user id, or the service role with the name it gives. Refuses everybody else (ADMIN_REQUIRED).';
revoke all on function private.operator_name(text) from public, anon, authenticated, service_role;

create function private.check_reason(p_reason text) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if coalesce(char_length(btrim(p_reason)), 0) not between 1 and 200 or p_reason ~ '[[:cntrl:]]' then
    perform private.fail('422', 'REASON_REQUIRED', 'reason must be 1 to 200 characters without control characters.', 'reason', 'Say why; it is kept.');
  end if;
end
$$;
comment on function private.check_reason(text) is 'Whoever acts by hand says why.';
revoke all on function private.check_reason(text) from public, anon, authenticated, service_role;

create function private.check_ids(p_ids bigint[]) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if p_ids is null then
    perform private.fail('422', 'BATCH_REQUIRED', 'ids must be an array of numbers.', 'ids', 'Send [] for nothing.');
  end if;
  if cardinality(p_ids) > 100 then
    perform private.fail('422', 'BATCH_TOO_LARGE', format('ids holds %s elements; at most 100 a call.', cardinality(p_ids)), 'ids', 'Split the call.', '{"max": 100}');
  end if;
  if array_position(p_ids, null) is not null then
    perform private.fail('422', 'ID_REQUIRED', format('ids[%s] is null.', array_position(p_ids, null)), format('ids[%s]', array_position(p_ids, null)), 'Every element is a number.');
  end if;
end
$$;
comment on function private.check_ids(bigint[]) is 'Refuses a batch of ids that is null, over 100 or has a null element (named by its index, from 1).';
revoke all on function private.check_ids(bigint[]) from public, anon, authenticated, service_role;

create function private.note_action(
  p_action text, p_subject text, p_payment_id text, p_actor text, p_reason text, p_detail jsonb, p_now timestamptz
) returns void
language sql set search_path = ''
as $$
  insert into public.operator_actions (action, subject, payment_id, actor, reason, detail, created_at)
  values (p_action, p_subject, p_payment_id, p_actor, btrim(p_reason), jsonb_strip_nulls(p_detail), p_now)
$$;
comment on function private.note_action(text, text, text, text, text, jsonb, timestamptz) is 'Writes down who did what by hand, and why.';
revoke all on function private.note_action(text, text, text, text, text, jsonb, timestamptz) from public, anon, authenticated, service_role;

-- close_finding ------------------------------------------------------------------------------

create function private.close_finding(p_id bigint, p_how text, p_actor text) returns public.drift_findings
language plpgsql security definer set search_path = ''
as $$
declare
  who constant text := private.operator_name(p_actor);
  finding public.drift_findings;
  v_now timestamptz;
begin
  perform private.check_reason(p_how);
  select * into finding from public.drift_findings as findings where findings.id = p_id for no key update;
  if not found then
    perform private.fail('404', 'FINDING_NOT_FOUND', 'There is no such finding.', 'id', 'Send drift_findings.id.');
  end if;
  if finding.closed_at is null then
    v_now := private.now();
    update public.drift_findings as findings set closed_at = v_now, closed_how = btrim(p_how)
    where findings.id = p_id
    returning * into finding;
    perform private.note_action('close_finding', p_id::text,
      coalesce(finding.detail ->> 'payment_id', (select payments.payment_id from public.payments where payments.payment_id = finding.subject)),
      who, p_how, jsonb_build_object('kind', finding.kind, 'subject', finding.subject), v_now);
  end if;
  return finding;
end
$$;
comment on function private.close_finding(bigint, text, text) is 'Behind public.close_finding.';
revoke all on function private.close_finding(bigint, text, text) from public, anon, authenticated, service_role;
grant execute on function private.close_finding(bigint, text, text) to authenticated, service_role;

create function public.close_finding(id bigint, how text, actor text default null) returns public.drift_findings
language sql set search_path = ''
return private.close_finding(id, how, actor);
comment on function public.close_finding(bigint, text, text) is
  'Operators: a difference has been dealt with; how is 1 to 200 characters and kept with who. One that is closed stays as it was closed. It opens again when it is found again. Refuses ADMIN_REQUIRED, REASON_REQUIRED, FINDING_NOT_FOUND.';
revoke all on function public.close_finding(bigint, text, text) from public, anon, authenticated, service_role;
grant execute on function public.close_finding(bigint, text, text) to authenticated, service_role;
