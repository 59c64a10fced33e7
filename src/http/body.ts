import { ChancyError, ConfigError } from '../core/errors.ts'
import type { Schema } from './schema.ts'

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i
const NDJSON_TYPE = /^application\/(?:x-)?(?:ndjson|jsonlines)\s*(?:;|$)/i

/** The body of a request as its shape. None at all is `{}`. */
export async function bodyOf<T>(request: Request, shape: Schema<T>, maxBytes: number): Promise<T> {
  const text = await textOf(request, maxBytes, JSON_TYPE)
  return shape.check(text === '' ? {} : parsed(text, 'The body'), 'body')
}

/** The lines of a body, parsed. */
export async function linesOf(
  request: Request,
  { maxBytes, maxLines }: { readonly maxBytes: number; readonly maxLines: number },
): Promise<unknown[]> {
  const text = await textOf(request, maxBytes, NDJSON_TYPE)
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length > maxLines) {
    throw new ChancyError(
      'TOO_LARGE',
      `The body has ${lines.length} lines. At most ${maxLines} are taken.`,
      { details: { maxLines } },
    )
  }
  return lines.map((line, at) => parsed(line, `Line ${at + 1} of the body`))
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(`${what} is no JSON: ${(error as Error).message}.`)
  }
}

async function textOf(request: Request, maxBytes: number, type: RegExp): Promise<string> {
  const given = request.headers.get('content-type')
  const declared = Number(request.headers.get('content-length') ?? '0')
  if (declared > maxBytes) throw tooLarge(maxBytes)
  if (request.body === null) return ''
  if (given === null || !type.test(given)) {
    const wanted = type === JSON_TYPE ? 'application/json' : 'application/x-ndjson'
    // A body of no bytes needs no type.
    if (given === null && (await bytesOf(request, maxBytes)).length === 0) return ''
    throw new ChancyError(
      'MEDIA_TYPE_REFUSED',
      `The body is sent as ${JSON.stringify(given?.slice(0, 100) ?? null)}. Send it with Content-Type: ${wanted}.`,
    )
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await bytesOf(request, maxBytes))
  } catch (error) {
    if (error instanceof ChancyError) throw error
    throw new ConfigError('The body is no UTF-8.')
  }
}

/** Reads no further than the limit. */
async function bytesOf(request: Request, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  const reader = (request.body as ReadableStream<Uint8Array>).getReader()
  for (;;) {
    const { done, value } = await reader.read().catch(brokenOff)
    if (done) return Buffer.concat(parts)
    bytes += value.byteLength
    if (bytes > maxBytes) {
      void reader.cancel().catch(() => {})
      throw tooLarge(maxBytes)
    }
    parts.push(value)
  }
}

/** The client has left, or its encoding is wrong. @throws {ConfigError} */
function brokenOff(cause: unknown): never {
  throw new ConfigError('The body ended before it was whole.', { cause })
}

function tooLarge(maxBytes: number): ChancyError {
  return new ChancyError(
    'TOO_LARGE',
    `The body is too large. At most ${maxBytes} bytes are taken.`,
    {
      details: { maxBytes },
    },
  )
}
