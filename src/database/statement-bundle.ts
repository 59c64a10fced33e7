/**
 * One statement that executes others in their order, which every driver sends as it sends any. In a loop: each EXECUTE
 * in the text of a block has a plan, and every change of the catalog walks over all plans.
 */
export function bundleOf(texts: readonly string[]): string {
  const tag = freeTag(texts)
  const quoted = texts.map((text) => `$${tag}$${text}$${tag}$`).join(',\n')
  return `DO $${tag}_all$ DECLARE one text; BEGIN
    FOREACH one IN ARRAY ARRAY[${quoted}]::text[] LOOP EXECUTE one; END LOOP;
  END $${tag}_all$`
}

/** The tag of a dollar quote that none of them holds. */
function freeTag(texts: readonly string[]): string {
  let tag = 'chancy'
  while (texts.some((text) => text.includes(`$${tag}`))) tag += '_'
  return tag
}
