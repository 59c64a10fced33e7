import type { Names } from '../../../database/names.ts'

/**
 * Keeps what a process counted, `age_ms` ago. With the same source and number again it does nothing, so a flush
 * whose answer was lost is repeated. SECURITY DEFINER: a producer counts too, without a right on the table.
 */
export const addFunction = (t: Names): string => `
CREATE FUNCTION ${t.own('metrics_add_1')}(source uuid, seq bigint, age_ms float8, data text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS ${t.body}
BEGIN
  IF octet_length(data) > 4194304 OR jsonb_typeof(data::jsonb) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'Metrics are a JSON array of at most 4 MiB' USING ERRCODE = '22023';
  END IF;
  INSERT INTO ${t.own('metrics_live')} AS l (source, seq, at, data)
  VALUES (metrics_add_1.source, metrics_add_1.seq,
          to_timestamp(floor((extract(epoch FROM ${t.fn('clock')}())
                              - least(greatest(age_ms, 0), 300000) / 1000) / 10) * 10),
          data::jsonb)
  ON CONFLICT DO NOTHING;
END ${t.body}`
