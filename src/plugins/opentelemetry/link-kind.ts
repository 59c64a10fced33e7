/** How an attempt is bound to the push of its job: under it in one trace, or by a link from a trace of its own. */
export const LINK_KINDS = ['parent', 'link'] as const
export type LinkKind = (typeof LINK_KINDS)[number]
