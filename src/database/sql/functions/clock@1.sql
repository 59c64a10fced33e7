-- The time of the call, which advances during a transaction. See now.
CREATE OR REPLACE FUNCTION chancy.clock_1() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $body$ SELECT pg_catalog.clock_timestamp() $body$;
