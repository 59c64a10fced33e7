/** A path as JSON can hold it: names of files are bytes, and not all of them are UTF-8. */
export type FilePath = {
  readonly path: string
  readonly encoding: 'utf8' | 'base64'
}

export function toFilePath(bytes: Buffer): FilePath {
  const path = bytes.toString('utf8')
  if (Buffer.from(path, 'utf8').equals(bytes)) return { path, encoding: 'utf8' }
  return { path: bytes.toString('base64'), encoding: 'base64' }
}

export function toBytes({ path, encoding }: FilePath): Buffer {
  return Buffer.from(path, encoding)
}

/** One key for one file, on either side of a comparison. */
export function keyOf(bytes: Buffer): string {
  return bytes.toString('latin1')
}

/** A name on one line, whatever it holds: it must not move the cursor of a terminal. */
export function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('utf8')).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
