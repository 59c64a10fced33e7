/**
 * Whether a path of fields may lead to what a pattern masks, or into it. `*` is any one field and `**` any number of
 * them; `*` may be an element of an array, which paths pass over.
 */
export function isMasked(path: readonly string[], patterns: readonly string[]): boolean {
  return patterns.some((pattern) => reaches(pattern.split('.'), 0, path, 0))
}

function reaches(
  pattern: readonly string[],
  at: number,
  path: readonly string[],
  depth: number,
): boolean {
  const step = pattern[at]
  if (step === undefined) return true
  const isDeeper = depth < path.length
  if (step === '**')
    return (
      reaches(pattern, at + 1, path, depth) || (isDeeper && reaches(pattern, at, path, depth + 1))
    )
  if (step === '*' && reaches(pattern, at + 1, path, depth)) return true
  return (
    isDeeper && (step === '*' || step === path[depth]) && reaches(pattern, at + 1, path, depth + 1)
  )
}
