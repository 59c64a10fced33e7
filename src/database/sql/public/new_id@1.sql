-- A UUID of version 7 (RFC 9562) by the server's clock. PostgreSQL has its own only since 18.
CREATE OR REPLACE FUNCTION chancy.new_id() RETURNS uuid
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
  SELECT encode(
    set_byte(
      set_byte(
        overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send((extract(epoch FROM chancy.clock_1()) * 1000)::bigint)
                                  FROM 3) FROM 1 FOR 6),
        6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
      8, (get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128),
    'hex')::uuid
$body$;
