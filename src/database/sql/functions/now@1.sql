-- The time at which the transaction began. All statements and functions take the time from here and from clock, so
-- that tests can move it. Without a setting of its own, so that the planner puts the body in place of each call.
CREATE OR REPLACE FUNCTION chancy.now_1() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$ SELECT pg_catalog.now() $body$;
