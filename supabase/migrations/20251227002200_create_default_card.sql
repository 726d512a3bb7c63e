-- Which saved card is charged when nobody says. Switching is one call, so that there are never two defaults nor none.

create function private.card_expired(p_month integer, p_year integer, p_now timestamptz) returns boolean
language sql immutable set search_path = ''
return coalesce(p_now at time zone 'Asia/Seoul' >= make_date(p_year, p_month, 1) + interval '1 month', false);
comment on function private.card_expired(integer, integer, timestamptz) is
  'Whether a card that is good through this month (1 to 12) and year (four digits) has run out: from the first of the next month, Seoul time. False when the card does not say.';
revoke all on function private.card_expired(integer, integer, timestamptz) from public, anon, authenticated, service_role;

create type public.default_card as (id uuid, previous_id uuid);

create function private.set_default_billing_key(p_id uuid) returns public.default_card
language plpgsql security definer set search_path = ''
as $$
declare
  me constant private.caller := private.caller();
  v_now timestamptz;
  card public.billing_keys;
  owner uuid;
  changed public.default_card;
begin
  select keys.user_id into owner from public.billing_keys as keys
  where keys.id = p_id and (me.is_admin or me.is_service or keys.user_id = me.user_id);
  if owner is null then
    perform private.fail('404', 'BILLING_KEY_NOT_FOUND', 'There is no such saved card.', 'id', 'Send the id of a card of this user.');
  end if;
  -- Whoever writes several cards of a user takes this lane; the rows are for what the owner writes directly.
  perform private.lock_lanes(array['cards:' || owner]);
  perform from public.billing_keys as keys where keys.user_id = owner order by keys.id for no key update;
  v_now := private.now();
  select * into card from public.billing_keys as keys where keys.id = p_id;
  if not card.is_active or card.deleted_at is not null then
    perform private.fail('409', 'BILLING_KEY_INACTIVE', 'This card is switched off or deleted.', 'id', 'Choose an active card, or switch this one on.');
  end if;
  if private.card_expired(card.card_expiry_month, card.card_expiry_year, v_now) then
    perform private.fail('409', 'BILLING_KEY_EXPIRED', 'This card has expired.', 'id', 'Choose another card, or register this one anew.');
  end if;
  update public.billing_keys as keys set is_default = false, updated_at = v_now
  where keys.user_id = owner and keys.is_default and keys.id <> p_id
  returning keys.id into changed.previous_id;
  update public.billing_keys as keys set is_default = true, updated_at = v_now
  where keys.id = p_id and not keys.is_default;
  changed.id := p_id;
  return changed;
end
$$;
comment on function private.set_default_billing_key(uuid) is 'Makes a card its owner''s default, under locks on all of the owner''s cards.';
revoke all on function private.set_default_billing_key(uuid) from public, anon, authenticated, service_role;
grant execute on function private.set_default_billing_key(uuid) to authenticated, service_role;

create function public.set_default_billing_key(id uuid) returns public.default_card
language sql set search_path = ''
as $$ select private.set_default_billing_key(set_default_billing_key.id) $$;
comment on function public.set_default_billing_key(uuid) is
  'Makes one of the caller''s saved cards the default, in the same moment in which the earlier one (previous_id) stops being it. Safe to repeat. Errors: BILLING_KEY_NOT_FOUND, BILLING_KEY_INACTIVE, BILLING_KEY_EXPIRED, SIGN_IN_REQUIRED.';
revoke all on function public.set_default_billing_key(uuid) from public, anon, authenticated, service_role;
grant execute on function public.set_default_billing_key(uuid) to authenticated, service_role;

create function private.billing_key_changed() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.is_active and not old.is_active and new.issued_at is null then
    perform private.fail('409', 'BILLING_KEY_INACTIVE', 'This card is not registered: it cannot be switched on.', 'is_active', 'Finish its registration with register_billing_key, or begin a new one.');
  end if;
  -- A function that turns a card off takes the default from it in the same statement.
  if new.is_default and old.is_active and not new.is_active then
    if exists (
      select from public.billing_keys as others
      where others.user_id = new.user_id and others.id <> new.id and others.is_active
    ) then
      perform private.fail('409', 'BILLING_KEY_IS_DEFAULT', 'The default card cannot be switched off while there are others.', 'is_active',
        'Choose another default with set_default_billing_key first.');
    end if;
    new.is_default := false;
  end if;
  new.updated_at := private.now();
  return new;
end
$$;
comment on function private.billing_key_changed() is
  'A card switched on by its owner: only one that PortOne has confirmed, else BILLING_KEY_INACTIVE. Switched off: the default only when it is the last active one, else BILLING_KEY_IS_DEFAULT. Keeps updated_at.';
revoke all on function private.billing_key_changed() from public, anon, authenticated, service_role;
create trigger billing_keys_changed before update of nickname, is_active on public.billing_keys
for each row execute function private.billing_key_changed();
comment on trigger billing_keys_changed on public.billing_keys is 'What owners may change by themselves: the nickname, and whether the card is active.';

-- The default is chosen by the function alone.
revoke update (is_default) on public.billing_keys from authenticated;
comment on table public.billing_keys is
  'PortOne billing keys for recurring payments with masked card data. Owners read all but the key itself, set nickname and active flag, and choose the default with set_default_billing_key; functions write the rest.';
