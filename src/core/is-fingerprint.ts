/** Whether a text is a fingerprint. */
export function isFingerprint(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{16}$/i.test(text)
}
