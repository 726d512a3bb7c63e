-- One clock for all our SQL, so that hours can pass in a test without waiting.

create table private.clock (
  only_row boolean primary key default true check (only_row),
  clock_offset interval not null default '0'
);
comment on table private.clock is 'How far private.now() runs ahead of the real time: zero outside tests. Only the migration role may change it.';
insert into private.clock default values;
alter table private.clock enable row level security;
revoke all on private.clock from public, anon, authenticated, service_role;

create function private.now() returns timestamptz
-- plpgsql keeps its plan; a function in SQL is planned anew at each call, and this one is called with every event.
language plpgsql volatile security definer set search_path = ''
as $$
begin
  return clock_timestamp() + (select clock.clock_offset from private.clock);
end
$$;
comment on function private.now() is 'The only source of time in our SQL: clock_timestamp() plus the offset in private.clock.';
revoke all on function private.now() from public, anon, authenticated, service_role;

create function private.iso(p_at timestamptz) returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
end
$$;
comment on function private.iso(timestamptz) is 'RFC 3339 text in UTC. Times inside results are text because API fronts print timestamptz differently.';
revoke all on function private.iso(timestamptz) from public, anon, authenticated, service_role;
