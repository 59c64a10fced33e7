/** A graph without places: its nodes by id, and which leads to which. */
export interface PlainGraph {
  readonly nodes: readonly string[]
  readonly edges: readonly (readonly [from: string, to: string])[]
}

interface Place {
  readonly x: number
  readonly y: number
}

/** Where each node stands, and along which points each edge is drawn. */
export interface GraphLayout {
  readonly width: number
  readonly height: number
  readonly places: Readonly<Record<string, Place>>
  readonly lines: readonly (readonly Place[])[]
}

export const NODE = { width: 164, height: 44 } as const
