-- Positions for that many rows: the first of each block of 256.
CREATE OR REPLACE FUNCTION chancy.draw_positions_1(rows int) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  -- Before a position is drawn: see ENGINE.md, Watermarks.
  own_id xid8 := pg_current_xact_id();
BEGIN
  RETURN ARRAY(SELECT nextval('chancy.positions')
                 FROM generate_series(1, (rows + 255) / 256));
END $body$;
