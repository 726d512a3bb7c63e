-- PortOne V2, second of three files: fill the new columns from total_cancel_amount, one update, row locks only.
-- Rows that make no sense stop the file with their list, and nothing is changed. Find them beforehand with the
-- same query (docs/database.md, "Before you push").

do $$
declare
  offending bigint;
  listed text;
begin
  with refused as (
    select payments.id, payments.payment_id, payments.status, payments.amount, payments.total_cancel_amount
    from public.payments
    cross join lateral private.legacy_amounts(payments.status, payments.amount, payments.total_cancel_amount) as legacy
    where payments.next_status is null
      and (legacy.status is null or payments.amount is null or payments.amount < 0)
  ),
  first_rows as (
    select * from refused order by id limit 20
  )
  select
    (select count(*) from refused),
    string_agg(
      format(
        '  %s payment_id=%s status=%s amount=%s total_cancel_amount=%s',
        id, coalesce(payment_id, 'null'), coalesce(status, 'null'),
        coalesce(amount::text, 'null'), coalesce(total_cancel_amount::text, 'null')
      ),
      e'\n' order by id
    )
  into offending, listed
  from first_rows;

  if offending > 0 then
    raise exception e'% legacy payments cannot be carried over; the first of them:\n%', offending, listed
      using hint = 'Correct amount, status or total_cancel_amount of these rows and run `supabase db push` again. Nothing was changed.';
  end if;
end
$$;

update public.payments
set (next_status, paid_amount, cancelled_amount, cancellable_amount, total_cancel_amount) = (
  select
    legacy.status,
    legacy.paid_amount,
    legacy.cancelled_amount,
    legacy.paid_amount - legacy.cancelled_amount - payments.reserved_amount,
    legacy.cancelled_amount
  from private.legacy_amounts(payments.status, payments.amount, payments.total_cancel_amount) as legacy
)
where next_status is null;
