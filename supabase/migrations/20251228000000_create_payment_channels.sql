-- Several stores and channels: which one a payment, a saved card or an identity check goes through.

create table public.payment_channels (
  id bigint generated always as identity primary key,
  store_id text not null,
  channel_key text not null unique,
  channel_kind text not null,
  purpose text not null default 'payment',
  pay_methods text[] not null default '{}',
  pg_provider text,
  is_active boolean not null default true,
  priority smallint not null default 0,
  constraint payment_channels_kind_check check (channel_kind in ('TEST', 'LIVE')),
  constraint payment_channels_purpose_check check (purpose in ('payment', 'billing', 'identity'))
);
comment on table public.payment_channels is
  'PortOne channels by store and purpose. With none active for a purpose the worker''s own settings decide. Written by the shop''s server; admins read.';
create index payment_channels_purpose_idx on public.payment_channels (purpose, priority, id) where is_active;
comment on index public.payment_channels_purpose_idx is 'channel_for: the first active channel of a purpose.';

alter table public.payment_channels enable row level security;
revoke all on public.payment_channels from public, anon, authenticated, service_role;
revoke all on sequence public.payment_channels_id_seq from public, anon, authenticated, service_role;
grant select on public.payment_channels to authenticated;
grant select, insert, update, delete on public.payment_channels to service_role;
create policy payment_channels_select_admin on public.payment_channels for select to authenticated
using ((select private.is_admin()));

create function private.channel_for(p_purpose text, p_pay_method text default null) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('store_id', channels.store_id, 'channel_key', channels.channel_key,
    'kind', channels.channel_kind, 'pg_provider', channels.pg_provider)
  from public.payment_channels as channels
  where channels.is_active and channels.purpose = p_purpose
    and (p_pay_method is null or channels.pay_methods = '{}' or p_pay_method = any (channels.pay_methods))
  order by channels.priority, channels.id
  limit 1
$$;
comment on function private.channel_for(text, text) is 'The channel for a purpose and a method, or null: then the worker''s settings decide.';
revoke all on function private.channel_for(text, text) from public, anon, authenticated, service_role;
