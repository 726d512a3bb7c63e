-- The part of uuid-ossp that plain SQL can give. Version 1 (time and network address) and 5 (SHA-1)
-- are missing on purpose: a call fails loudly instead of returning something else.
create function uuid_nil() returns uuid immutable strict parallel safe language sql
as $$ select '00000000-0000-0000-0000-000000000000'::uuid $$;
create function uuid_ns_dns() returns uuid immutable strict parallel safe language sql
as $$ select '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_ns_url() returns uuid immutable strict parallel safe language sql
as $$ select '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_generate_v4() returns uuid volatile strict parallel safe language sql
as $$ select pg_catalog.gen_random_uuid() $$;
create function uuid_generate_v3(namespace uuid, name text) returns uuid
immutable strict parallel safe language sql
as $$
    select encode(
        set_byte(set_byte(h, 6, (get_byte(h, 6) & 15) | 48), 8, (get_byte(h, 8) & 63) | 128), 'hex'
    )::uuid
    from (select decode(md5(uuid_send(namespace) || convert_to(name, 'UTF8')), 'hex') as h) as digest
$$;
