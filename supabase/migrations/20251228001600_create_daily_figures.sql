-- What the console's overview draws: money by day, added up in the database, because a client gets at most 1,000 rows a call.

create index payments_paid_at_idx on public.payments (paid_at) where paid_amount > 0;
comment on index public.payments_paid_at_idx is 'payments_daily: what was paid in a window.';
create index payments_failed_at_idx on public.payments (coalesce(failed_at, status_changed_at, updated_at)) where status = 'failed';
comment on index public.payments_failed_at_idx is 'payments_daily: what failed in a window.';
create index payment_cancellations_cancelled_at_idx on public.payment_cancellations (cancelled_at) where status = 'succeeded';
comment on index public.payment_cancellations_cancelled_at_idx is 'payments_daily: what was refunded in a window.';

create view public.payments_daily with (security_invoker = on) as
select
  (figures.at at time zone 'Asia/Seoul')::date as day,
  figures.currency,
  count(*) filter (where figures.what = 'paid') as payments,
  coalesce(sum(figures.amount) filter (where figures.what = 'paid'), 0)::bigint as paid_amount,
  count(*) filter (where figures.what = 'refunded') as refunds,
  coalesce(sum(figures.amount) filter (where figures.what = 'refunded'), 0)::bigint as refunded_amount,
  count(*) filter (where figures.what = 'failed') as failed
from (
  select 'paid' as what, payments.paid_at as at, payments.currency, payments.paid_amount as amount
  from public.payments
  where payments.paid_amount > 0 and payments.paid_at >= (select private.now()) - interval '92 days'
  union all
  select 'failed', coalesce(payments.failed_at, payments.status_changed_at, payments.updated_at), payments.currency, 0
  from public.payments
  where payments.status = 'failed'
    and coalesce(payments.failed_at, payments.status_changed_at, payments.updated_at) >= (select private.now()) - interval '92 days'
  union all
  select 'refunded', refunds.cancelled_at, payments.currency, refunds.amount
  from public.payment_cancellations as refunds
  join public.payments on payments.payment_id = refunds.payment_id
  where refunds.status = 'succeeded' and refunds.cancelled_at >= (select private.now()) - interval '92 days'
) as figures
where (select private.is_operator())
group by 1, 2
order by 1 desc, 2;
comment on view public.payments_daily is
  'Money by day (Asia/Seoul) and currency, the last 92 days: payments by when they were paid, refunds by when they succeeded, failed payments. Amounts in minor units. Operators only.';
revoke all on public.payments_daily from public, anon, authenticated, service_role;
grant select on public.payments_daily to authenticated, service_role;

notify pgrst, 'reload schema';
