-- part.position_of(n): the position of the n-th row of a batch, by the first positions of its blocks of 256.
block_starts[(n - 1::bigint) / 256::bigint + 1::bigint] + (n - 1::bigint) % 256::bigint
