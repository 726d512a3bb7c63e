-- Append-only history of a payment, and its outbox.

create table public.payment_events (
  payment_id text not null references public.payments (payment_id) on delete restrict,
  sequence integer not null,
  event_type text not null,
  from_status public.payment_status,
  to_status public.payment_status not null,
  snapshot jsonb not null default '{}',
  source text not null,
  created_at timestamptz not null,
  primary key (payment_id, sequence)
);
comment on table public.payment_events is
  'What happened to a payment, gap-free from 1 per payment. Amounts and ids only, no personal data. Read it to fulfil, to notify, to audit.';
create index payment_events_created_at_idx on public.payment_events (created_at);
comment on index public.payment_events_created_at_idx is 'Consumers of the outbox: everything since a moment.';

alter table public.payment_events enable row level security;
revoke all on public.payment_events from public, anon, authenticated, service_role;
grant select on public.payment_events to authenticated, service_role;
create policy payment_events_select_own on public.payment_events for select to authenticated
using (
  (select private.is_admin())
  -- whoever sees the payment, as with payment_cancellations
  or exists (select from public.payments where payments.payment_id = payment_events.payment_id)
);

create function private.refuse_change() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform private.fail('403', 'APPEND_ONLY', format('%s is append-only.', tg_table_name));
  return null;
end
$$;
comment on function private.refuse_change() is 'Keeps history as it was written, against everybody but a superuser.';
revoke all on function private.refuse_change() from public, anon, authenticated, service_role;
create trigger payment_events_append_only before update or delete on public.payment_events
for each row execute function private.refuse_change();

create function private.append_event(
  p_payment_id text, p_event_type text, p_from public.payment_status, p_to public.payment_status,
  p_snapshot jsonb, p_source text, p_now timestamptz
) returns void
language plpgsql set search_path = ''
as $$
begin
  -- The last of the primary key, not a counter in the payment: that would be another version of the payment with every event.
  insert into public.payment_events (payment_id, sequence, event_type, from_status, to_status, snapshot, source, created_at)
  values (
    p_payment_id,
    1 + coalesce((
      select events.sequence from public.payment_events as events
      where events.payment_id = p_payment_id
      order by events.sequence desc
      limit 1
    ), 0),
    p_event_type, p_from, p_to, jsonb_strip_nulls(p_snapshot), p_source, p_now
  );
end
$$;
comment on function private.append_event(text, text, public.payment_status, public.payment_status, jsonb, text, timestamptz) is
  'Adds the next event of a payment. The caller holds the payment''s lane.';
revoke all on function private.append_event(text, text, public.payment_status, public.payment_status, jsonb, text, timestamptz)
from public, anon, authenticated, service_role;
