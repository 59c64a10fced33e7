import type { Names } from '../../names.ts'
import { SAFE_NAMES } from './safe-names.ts'

/** A value that takes at most so many bytes where it stands, uncompressed, becomes a text as it is. */
const SMALL_BYTES = 2_000
/** A small value has a longer text only when it holds numbers of thousands of digits. It is cut there. */
export const SMALL_CHARS = 65_536
/** What takes more bytes than this where it stands, compressed or not, is not even decompressed. */
const MOST_BYTES = 4_194_304

/** How much of one value a reader gets. */
export interface TextBounds {
  /** Of the text, in bytes. */
  readonly text: number
  /** Of the value as PostgreSQL computes with it, in bytes. A hundred megabytes may stand in one. */
  readonly value: number
}

/** Four times what a push takes, as a text; short numbers take six times their text. */
export const READ: TextBounds = { text: 4_194_304, value: 8_388_608 }

/**
 * The JSON text of a column, for a reader who must not be harmed by what it holds: null for null, and
 * the empty text, which is no JSON, for what is larger.
 */
export function textOf(t: Names, value: string, bounds: TextBounds): string {
  return `CASE WHEN ${value} IS NULL THEN NULL
                    WHEN ${isSmall(value)} THEN ${smallText(value)}
                    ELSE ${boundedText(t, value, bounds)} END`
}

/** The same of a column that is never null, which costs a claim no question more. */
export function textOfArgs(t: Names, value: string, bounds: TextBounds): string {
  return `CASE WHEN ${isSmall(value)} THEN ${smallText(value)}
                    ELSE ${boundedText(t, value, bounds)} END`
}

/** The same of a value that was put together, and is large more often than small. */
export function boundedText(t: Names, value: string, { text, value: bytes }: TextBounds): string {
  return `${t.fn('text_1')}(${value}, ${text}, ${bytes})`
}

const isSmall = (value: string): string =>
  `pg_column_size(${value}) <= ${SMALL_BYTES} AND pg_column_compression(${value}) IS NULL`

// A cast to a length is nearly free, where a function that counts characters is not.
const smallText = (value: string): string => `${value}::text::varchar(${SMALL_CHARS})::text`

export const storedText = (t: Names): string[] => [
  // Names and keys are bounded by their types and not by a CHECK, which PostgreSQL parses and plans
  // again in every statement that writes a row: a longer one does not fit into the indexes that a job
  // enters later, and fails whatever batch it is in.
  `CREATE DOMAIN ${t.own('job_name')} AS text CHECK (octet_length(VALUE) <= 200)`,
  `CREATE DOMAIN ${t.own('group_key')} AS text COLLATE "C" CHECK (octet_length(VALUE) <= 1000)`,

  // With an exception block, since the text of a few bytes may be longer than any that PostgreSQL makes.
  `CREATE FUNCTION ${t.fn('text_1')}(value jsonb, text_bytes int, value_bytes int)
   RETURNS text
   LANGUAGE plpgsql STABLE STRICT ${SAFE_NAMES}
   AS ${t.body}
   DECLARE
     content text;
     whole jsonb;
   BEGIN
     IF pg_column_size(value) > ${MOST_BYTES} THEN
       RETURN '';
     END IF;
     -- With nothing added to it a value comes back as it is, decompressed.
     whole := value || CASE jsonb_typeof(value) WHEN 'object' THEN '{}' ELSE '[]' END::jsonb;
     IF pg_column_size(whole) > value_bytes THEN
       RETURN '';
     END IF;
     content := value::text;
     IF octet_length(content) > text_bytes THEN
       RETURN '';
     END IF;
     RETURN content;
   EXCEPTION WHEN OTHERS THEN
     RETURN '';
   END ${t.body}`,
]
