/** The values of directed float cases: bit patterns around which something changes. */

/** What an operand is: double, single, half, 32-bit or 64-bit integer. */
export type Kind = 'd' | 's' | 'h' | 'w' | 'l'

/** The two words of an operand. */
export type Pair = { high: number; low: number }

/** Numbers in hexadecimal; from a # to the end of its line is a comment. */
function numbers(text: string): bigint[] {
  return text
    .replaceAll(/#.*/g, '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => BigInt(`0x${word}`))
}

const DOUBLES = numbers(`
  0000000000000000 0000000000000001 0000000000000002 0000000000000003  # zero and subnormals
  0008000000000000 000fffffffffffff
  0010000000000000 0010000000000001 001fffffffffffff 0020000000000000 0030000000000001  # the smallest normals
  3fd0000000000000 3fdfffffffffffff 3fe0000000000000 3fe0000000000001 3feffffffffffffe 3fefffffffffffff  # below 1
  3ff0000000000000 3ff0000000000001 3ff0000000000002 3ff7ffffffffffff 3ff8000000000000 3fffffffffffffff  # 1 to 2
  4000000000000000 4004000000000000 4008000000000000 400c000000000000  # 2, 2.5, 3, 3.5
  432fffffffffffff 4330000000000000 4330000000000001 433fffffffffffff 4340000000000000  # 2^52, 2^53
  41dfffffffc00000 41dfffffffe00000 41e0000000000000 41e0000000100000 41e0000000200000  # 2^31
  41efffffffe00000 41effffffff00000 41f0000000000000  # 2^32
  43dfffffffffffff 43e0000000000000 43e0000000000001 43efffffffffffff 43f0000000000000  # 2^63, 2^64
  44a0000000000001 4520000000000001 4530000000000001  # odd multiples of powers up to 2^32
  3690000000000000 3690000000000001 369fffffffffffff 36a0000000000000  # edges of singles, from below
  380fffffc0000000 380fffffe0000000 380fffffefffffff 380ffffff0000000 3810000000000000
  47efffffe0000000 47efffffefffffff 47effffff0000000
  3e60000000000000 3e60000000000001 3e70000000000000  # edges of halves, from below
  3f0ff80000000000 3f0ffc0000000000 3f0ffe0000000000 3f10000000000000
  40effc0000000000 40effdffffffffff 40effe0000000000
  20b0000000000000 5f30000000000000 7fe0000000000000 7feffffffffffffe 7fefffffffffffff  # the smallest square, and large
  7ff0000000000000 7ff8000000000000 7ff8000000000123 7ff0000000000001 7ff7ffffffffffff 7fffffffffffffff  # infinity, NaNs
`)

const SINGLES = numbers(`
  00000000 00000001 00000002 00000003 00400000 007fffff 00800000 00800001 00ffffff 01000000 01800001  # to small normals
  3e800000 3effffff 3f000000 3f000001 3f7ffffe 3f7fffff 3f800000 3f800001 3f800002 3fbfffff 3fc00000 3fffffff  # around 1
  40000000 40200000 40400000 40600000 4affffff 4b000000 4b000001 4b800000  # 2 to 3.5, 2^23, 2^24
  4effffff 4f000000 4f000001 4f7fffff 4f800000 5effffff 5f000000 5f000001 5f7fffff 5f800000  # 2^31, 2^32, 2^63, 2^64
  33000000 33000001 33800000 387fc000 387fe000 387ff000 38800000 477fe000 477fefff 477ff000  # edges of halves
  1f800000 5f300000 7f000000 7f7ffffe 7f7fffff  # the smallest square, and large
  7f800000 7fc00000 7fc00123 7f800001 7fbfffff 7fffffff  # infinity, NaNs
`)

/** Shorter lists for triples, of which there are so many. */
const FEW_DOUBLES = numbers(`
  0000000000000000 0000000000000001 000fffffffffffff 0010000000000000 1ff0000000000001 3fe0000000000000 3fefffffffffffff
  3ff0000000000000 3ff0000000000001 3fffffffffffffff 4330000000000001 5fe0000000000000 7fefffffffffffff 7ff0000000000000
  7ff8000000000001 7ff0000000000001
  3ff0000002d413cd 3ffffffffa57d867  # their product is a power of two and very little more,
  4350000000000000 4350000000000001  # and half a unit of these
`)

const FEW_SINGLES = numbers(`
  00000000 00000001 007fffff 00800000 20000001 3f000000 3f7fffff 3f800000 3f800001 3fffffff 4b000001 5f000000 7f7fffff
  7f800000 7fc00001 7f800001
`)

const INTEGERS = numbers(`
  0 1 2 3 7fffff ffffff 1000000 1000001 1000002 1000003 1fffffe 1ffffff 3ffffff  # 2^24
  7fffffbf 7fffffc0 7fffffc1 7fffffff 80000000 80000080 ffffff7f ffffff80 ffffffff 100000000  # ties near 2^31, 2^32
  1fffffffffffff 20000000000000 20000000000001 20000000000003 3fffffffffffff  # 2^53
  7fffffbfffffffff 7fffffc000000000 7ffffffffffffdff 7ffffffffffffe00 7fffffffffffffff  # ties near 2^63
  8000000000000000 8000000000000400 8000000000000401 8000008000000000 8000008000000001
  ffffff7fffffffff ffffff8000000000 fffffffffffffbff fffffffffffffc00 ffffffffffffffff  # ties near 2^64
`)

function pair(value: bigint): Pair {
  return { high: Number(BigInt.asUintN(32, value >> 32n)), low: Number(BigInt.asUintN(32, value)) }
}

/** The values that an operand of a directed case takes, each also negated. All of them, for halves. */
export function valuesOf(kind: Kind, operands: number): Pair[] {
  switch (kind) {
    case 'd':
      return (operands === 3 ? FEW_DOUBLES : DOUBLES).flatMap((v) => [pair(v), pair(v | (1n << 63n))])
    case 's':
      return (operands === 3 ? FEW_SINGLES : SINGLES).flatMap((v) => [pair(v), pair(v | (1n << 31n))])
    case 'h':
      return Array.from({ length: 0x10000 }, (_, low) => ({ high: 0, low }))
    default:
      return INTEGERS.flatMap((v) => [pair(v), pair(-v)])
  }
}
