-- Every send of a call that moves money, stored before it is sent.

create table private.attempts (
  operation_id uuid not null references public.payment_operations (id) on delete restrict,
  number integer not null check (number > 0),
  payment_id text not null references public.payments (payment_id) on delete restrict,
  job_id bigint not null,
  claim integer not null,
  idempotency_key text not null unique,
  body text,
  sent_at timestamptz not null,
  last_sent_at timestamptz not null,
  outcome text check (outcome in ('succeeded', 'requested', 'failed', 'unknown')),
  error jsonb,
  absent_since timestamptz,
  decided_at timestamptz,
  primary key (operation_id, number),
  constraint attempts_decided_check check (decided_at is null or coalesce(outcome, 'unknown') <> 'unknown')
);
comment on table private.attempts is
  'The idempotency key and the exact, sealed request body of every cancel, charge, confirmation and schedule, committed before the send. A retry of an unknown outcome sends these bytes again; a new number only after a definite failure.';
comment on column private.attempts.body is 'Sealed by the worker (AES-256-GCM, its own key); erased when the outcome is known.';
comment on column private.attempts.absent_since is 'When a read after PortOne''s window first showed nothing of this call.';
create unique index attempts_undecided_key on private.attempts (payment_id) where decided_at is null;
comment on index private.attempts_undecided_key is 'At most one sent, undecided call per payment, of whatever kind: the next one waits.';
create index attempts_payment_id_idx on private.attempts (payment_id);
comment on index private.attempts_payment_id_idx is 'decide_by_reading: what was sent for a payment; foreign key.';
alter table private.attempts enable row level security;
revoke all on private.attempts from public, anon, authenticated, service_role;
