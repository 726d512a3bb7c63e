-- Every send of a money-moving call, stored before it is sent.

create table private.attempts (
  cancellation uuid not null references public.payment_cancellations (id) on delete restrict,
  number integer not null check (number > 0),
  job_id bigint not null,
  claim integer not null,
  idempotency_key text not null unique,
  body text,
  sent_at timestamptz not null,
  last_sent_at timestamptz not null,
  outcome text check (outcome in ('succeeded', 'requested', 'failed', 'unknown')),
  error jsonb,
  decided_at timestamptz,
  primary key (cancellation, number)
);
comment on table private.attempts is
  'The idempotency key and the exact, sealed request body of every cancel call, committed before the send. A retry of an unknown outcome sends these bytes again; a new number only after a definite failure.';
comment on column private.attempts.body is 'Sealed by the worker (AES-256-GCM, its own key); erased when the cancellation ends.';
create unique index attempts_undecided_key on private.attempts (cancellation) where decided_at is null;
comment on index private.attempts_undecided_key is 'At most one undecided attempt per cancellation.';
alter table private.attempts enable row level security;
revoke all on private.attempts from public, anon, authenticated, service_role;
