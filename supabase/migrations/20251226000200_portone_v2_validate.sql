-- PortOne V2, last of three files: prove the constraints (a scan, no blocking lock), then swap the status column
-- (catalogue changes only).

alter table public.payments validate constraint payments_amounts_balance_check;
alter table public.payments validate constraint payments_amounts_not_negative_check;
alter table public.payments validate constraint payments_amount_check;
alter table public.payments validate constraint payments_status_not_null_check;

drop trigger payments_legacy_amounts_insert on public.payments;
drop trigger payments_legacy_amounts_update on public.payments;

-- The proven check constraint lets `set not null` skip its scan.
alter table public.payments alter column next_status set not null;
-- `not null` says the same from here on.
-- squawk-ignore ban-drop-constraint
alter table public.payments drop constraint payments_status_not_null_check;
-- The old words live on as enum values, so code from before V2 can go on writing them.
-- Its words were carried over by the file before, and a column of this name stays.
-- squawk-ignore ban-drop-column
alter table public.payments drop column status;
-- The name next_status was for the time between these files only.
-- squawk-ignore renaming-column
alter table public.payments rename column next_status to status;
alter table public.payments alter column status set default 'ready';
grant insert (status), update (status) on public.payments to service_role;
comment on column public.payments.status is 'Our word for the payment''s state; PortOne''s own word is in portone_status.';

create or replace function private.payments_legacy_amounts() returns trigger
language plpgsql set search_path = ''
as $$
declare
  legacy record;
begin
  select * into legacy from private.legacy_amounts(new.status::text, new.amount, new.total_cancel_amount);
  if legacy.status is not null then
    new.status := legacy.status;
    new.paid_amount := legacy.paid_amount;
    new.cancelled_amount := legacy.cancelled_amount;
    new.cancellable_amount := legacy.paid_amount - legacy.cancelled_amount - new.reserved_amount;
  end if;
  return new;
end
$$;

create trigger payments_legacy_amounts_insert
before insert on public.payments
for each row when (new.origin = 'legacy' and new.paid_amount = 0)
execute function private.payments_legacy_amounts();

create trigger payments_legacy_amounts_update
before update of status, amount, total_cancel_amount on public.payments
for each row when (
  new.origin = 'legacy'
  and (new.paid_amount, new.cancelled_amount, new.reserved_amount, new.cancellable_amount)
  = (old.paid_amount, old.cancelled_amount, old.reserved_amount, old.cancellable_amount)
  and (new.status, new.amount, new.total_cancel_amount)
  is distinct from (old.status, old.amount, old.total_cancel_amount)
)
execute function private.payments_legacy_amounts();
comment on trigger payments_legacy_amounts_insert on public.payments is 'For one release: rows inserted by code from before V2.';
comment on trigger payments_legacy_amounts_update on public.payments is 'For one release: legacy columns changed by code from before V2.';
