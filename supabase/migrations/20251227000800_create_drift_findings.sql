-- Differences between PortOne and us that somebody should see.

create table public.drift_findings (
  id bigint generated always as identity primary key,
  kind text not null,
  subject text not null,
  detail jsonb not null default '{}',
  seen integer not null default 1,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  closed_at timestamptz,
  closed_how text,
  constraint drift_findings_closed_check check ((closed_at is null) = (closed_how is null))
);
comment on table public.drift_findings is
  'A difference between PortOne and us, or something only a person can decide: missing_here, cancelled_exceeds_total, discrepancy, undecided_cancellation, ambiguous_cancellation, cancellation_amount_differs, undecided_charge, refund_not_paid_out, dispute; found by comparing: missing_there, late, status_differs, amount_differs, unknown_store; by waiting: webhook_overdue, schedule_overdue.';
create unique index drift_findings_open_key on public.drift_findings (kind, subject) where closed_at is null;
comment on index public.drift_findings_open_key is 'One open finding per kind and subject.';

alter table public.drift_findings enable row level security;
revoke all on public.drift_findings from public, anon, authenticated, service_role;
revoke all on sequence public.drift_findings_id_seq from public, anon, authenticated, service_role;
grant select on public.drift_findings to authenticated, service_role;
create policy drift_findings_select_admin on public.drift_findings for select to authenticated
using ((select private.is_admin()));

create function private.open_drift(p_kind text, p_subject text, p_detail jsonb, p_now timestamptz) returns void
language sql set search_path = ''
as $$
  insert into public.drift_findings as finding (kind, subject, detail, first_seen_at, last_seen_at)
  values (p_kind, p_subject, p_detail, p_now, p_now)
  on conflict (kind, subject) where closed_at is null
  do update set seen = finding.seen + 1, last_seen_at = excluded.last_seen_at, detail = excluded.detail
$$;
comment on function private.open_drift(text, text, jsonb, timestamptz) is 'Opens a finding, or counts it again while it is open.';
revoke all on function private.open_drift(text, text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function private.close_drift(p_kind text, p_subject text, p_how text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  update public.drift_findings set closed_at = p_now, closed_how = p_how
  where kind = p_kind and subject = p_subject and closed_at is null;
end
$$;
comment on function private.close_drift(text, text, text, timestamptz) is 'Closes the open finding of this kind and subject, saying how.';
revoke all on function private.close_drift(text, text, text, timestamptz) from public, anon, authenticated, service_role;
