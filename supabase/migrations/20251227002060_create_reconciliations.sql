-- Up to when PortOne's own lists have been compared with ours.

create table public.reconciliations (
  id bigint generated always as identity primary key,
  store_id text not null,
  kind text not null,
  from_at timestamptz not null,
  until_at timestamptz not null,
  source text not null,
  seen integer not null default 0,
  different integer not null default 0,
  finished_at timestamptz not null,
  constraint reconciliations_kind_check check (kind in ('start', 'sweep', 'compare', 'by_hand')),
  constraint reconciliations_window_check check (from_at <= until_at)
);
comment on table public.reconciliations is
  'Finished comparisons with PortOne''s lists, one row a store and window of statusChangedAt; the youngest until_at of a store is its high-water mark, but for by_hand: a look at some window leaves no gap behind it closed. start: when comparing began, nothing older is looked at unless asked. Kept for 90 days.';
comment on column public.reconciliations.source is 'Which of PortOne''s lists could be read: payments, events, payments+events, none (start).';
create index reconciliations_store_id_idx on public.reconciliations (store_id, until_at desc);
comment on index public.reconciliations_store_id_idx is 'The high-water mark of a store.';

alter table public.reconciliations enable row level security;
revoke all on public.reconciliations from public, anon, authenticated, service_role;
revoke all on sequence public.reconciliations_id_seq from public, anon, authenticated, service_role;
grant select on public.reconciliations to authenticated, service_role;
create policy reconciliations_select_admin on public.reconciliations for select to authenticated
using ((select private.is_admin()));
