import { type Names, quoteLiteral } from '../../../database/names.ts'
import { migration } from '../../../plugin/index.ts'

/** Everything of the first release. */
export const first = migration(1, {
  up: (t) => [
    `CREATE TABLE ${t.own('failures_groups')} (
       fingerprint bigint PRIMARY KEY,
       first_at timestamptz NOT NULL,
       last_at timestamptz NOT NULL,
       state_at timestamptz,
       total bigint NOT NULL,
       again int NOT NULL DEFAULT 0,
       state text NOT NULL DEFAULT 'open',
       name text NOT NULL,
       kind text NOT NULL,
       error text NOT NULL,
       message text NOT NULL,
       frames text[] NOT NULL,
       samples uuid[] NOT NULL,
       first_version text,
       last_version text,
       state_by text,
       note text
     ) WITH (fillfactor = 70)`,
    `CREATE INDEX failures_groups_last ON ${t.own('failures_groups')} (last_at DESC, fingerprint DESC)`,
    `CREATE TABLE ${t.own('failures_hours')} (
       fingerprint bigint,
       hour timestamptz,
       n int NOT NULL,
       queue text,
       PRIMARY KEY (fingerprint, hour, queue)
     ) WITH (fillfactor = 70)`,
    `CREATE INDEX failures_hours_hour ON ${t.own('failures_hours')} (hour)`,
    addFunction(t),
    `REVOKE EXECUTE ON FUNCTION ${t.own('failures_add_1')}(jsonb) FROM PUBLIC`,
    commentsOf(t),
  ],
  down: (t) => [
    `DROP FUNCTION ${t.own('failures_add_1')}(jsonb)`,
    `DROP TABLE ${t.own('failures_hours')}`,
    `DROP TABLE ${t.own('failures_groups')}`,
  ],
})

/** Adds a flush, whose entries are in the order of the key: two flushes lock groups and hours in one order. */
const addFunction = (t: Names): string => `
CREATE FUNCTION ${t.own('failures_add_1')}(entries jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS ${t.body}
BEGIN
  INSERT INTO ${t.own('failures_groups')} AS g (
         fingerprint, name, kind, error, message, frames, first_version, last_version, first_at, last_at, total, samples)
  SELECT e.f, e.name, e.kind, e.error, e.message, e.frames, e.version, e.version,
         to_timestamp(e.first / 1000), to_timestamp(e.last / 1000), e.n,
         ARRAY(SELECT s.id FROM unnest(e.samples) WITH ORDINALITY AS s(id, at) ORDER BY s.at DESC)
    FROM jsonb_to_recordset(entries)
           AS e(f bigint, name text, kind text, error text, message text, frames text[], version text, first float8,
                last float8, n bigint, samples uuid[])
   ORDER BY e.f
  ON CONFLICT (fingerprint) DO UPDATE
     SET message = excluded.message, total = g.total + excluded.total,
         first_at = least(g.first_at, excluded.first_at), last_at = greatest(g.last_at, excluded.last_at),
         last_version = coalesce(excluded.last_version, g.last_version),
         samples = (ARRAY(SELECT x.id
                            FROM (SELECT s.id, min(s.at) AS at
                                    FROM unnest(excluded.samples || g.samples) WITH ORDINALITY AS s(id, at)
                                   GROUP BY s.id) x
                           ORDER BY x.at))[1:5],
         -- What failed before it was resolved, and is written later, does not open it.
         again = g.again + CASE WHEN g.state = 'resolved' AND excluded.last_at > g.state_at THEN 1 ELSE 0 END,
         state = CASE WHEN g.state = 'resolved' AND excluded.last_at > g.state_at THEN 'open' ELSE g.state END;

  INSERT INTO ${t.own('failures_hours')} AS h (fingerprint, hour, queue, n)
  SELECT e.f, to_timestamp((x.value ->> 0)::float8 / 1000), x.value ->> 1, (x.value ->> 2)::int
    FROM jsonb_to_recordset(entries) AS e(f bigint, hours jsonb)
   CROSS JOIN LATERAL jsonb_array_elements(e.hours) AS x(value)
   ORDER BY 1, 2, 3
  ON CONFLICT (fingerprint, hour, queue) DO UPDATE SET n = h.n + excluded.n;
END ${t.body}`

type Comments = Readonly<Record<string, string>>
/** By table: what it is, under the empty name, and what each column means. */
const COMMENTS: Readonly<Record<string, Comments>> = {
  failures_groups: {
    '': 'Failures that are alike. Written by failures_add_1 and by what users decide; at most 10,000.',
    fingerprint: 'What they have in common, as in jobs.',
    first_at: 'When the first of them failed.',
    last_at: 'When the last of them failed.',
    state_at: 'When the state was last decided.',
    total: 'How many attempts failed so. Short by what killed workers had not written.',
    again: 'How often it came back after it was resolved.',
    state: 'open, muted or resolved.',
    name: 'Name of the job.',
    kind: 'Kind of the failure, as in errors of jobs.',
    error: 'Name of the error.',
    message: 'Newest message, up to 1,000 characters.',
    frames: 'Function and file of the topmost frames of the application.',
    samples: 'Newest jobs that failed so, up to five.',
    first_version: 'Version of the worker that had it first.',
    last_version: 'Version of the worker that had it last.',
    state_by: 'Who decided the state.',
    note: 'Note of a user.',
  },
  failures_hours: {
    '': 'How many attempts failed in an hour, kept for 30 days. Written by failures_add_1.',
    fingerprint: 'The group.',
    hour: 'When the hour begins.',
    n: 'How many attempts failed.',
    queue: 'In which queue.',
  },
}

function commentsOf(t: Names): string {
  const lines = Object.entries(COMMENTS).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, text]) => {
      const on = column === '' ? `TABLE ${t.own(table)}` : `COLUMN ${t.own(table)}.${column}`
      return `COMMENT ON ${on} IS ${quoteLiteral(text)}`
    }),
  )
  return `DO ${t.body} BEGIN\n${lines.join(';\n')};\nEND ${t.body}`
}
