import type { Names } from './names.ts'

/**
 * A draw from the line gives this many places: a batch of rows draws once and has them in its own
 * order. What becomes ready otherwise draws for each row and uses the first of them. What JavaScript
 * counts exactly is enough for eleven years of 100,000 draws a second.
 */
export const BLOCK = 256

/** The place of the n-th row of a batch, by the first places of its blocks. */
export const placeOf = (n: string, bases = 'bases'): string =>
  `${bases}[(${n} - 1::bigint) / ${BLOCK}::bigint + 1::bigint] + (${n} - 1::bigint) % ${BLOCK}::bigint`

/** Draws the places of so many rows into `bases`; without a call where one block is enough. */
export const drawn = (t: Names, rows: string): string => `
       IF ${rows} <= ${BLOCK} THEN
         bases := ARRAY[nextval(${t.sequence('line')})];
       ELSE
         bases := ${t.fn('places_1')}(${rows});
       END IF;`
