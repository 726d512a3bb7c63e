-- The id that follows a request: sent by the worker (or any caller) as X-Request-Id, kept in the payload of the job it makes.

create function private.request_id() returns text
language sql stable set search_path = ''
as $$
  select named.id
  from (
    select case
      when left(current_setting('request.headers', true), 1) = '{' then current_setting('request.headers', true)::jsonb ->> 'x-request-id'
    end as id
  ) as named
  where named.id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$'
$$;
comment on function private.request_id() is
  'The X-Request-Id of this API call, when it is of the agreed form (8 to 64 letters, digits, dots, dashes, underscores); else null.';
revoke all on function private.request_id() from public, anon, authenticated, service_role;
