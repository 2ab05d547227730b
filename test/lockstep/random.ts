// Repeatable random numbers for the lockstep tests, with a liking for the values where processors go wrong.

// One 64-bit number is read faster through memory than put together by BigInt arithmetic.
const HALVES = new Uint32Array(2)
const WHOLE = new BigUint64Array(HALVES.buffer)

/** A stream of random numbers; the same seed gives the same stream (sfc32). */
export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number, stream = '') {
    this.a = seed | 0
    this.b = 0x9e3779b9
    this.c = 0x243f6a88
    for (let i = 0; i < stream.length; i++) this.b = Math.imul(this.b ^ stream.charCodeAt(i), 0x01000193)
    for (let i = 0; i < 16; i++) this.u32()
  }

  /** 32 random bits, as an unsigned number. */
  u32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** A number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * limit)
  }

  /** A number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  u64(): bigint {
    HALVES[0] = this.u32()
    HALVES[1] = this.u32()
    return WHOLE[0] as bigint
  }

  /** A 64-bit integer: uniform, small, near a power of two, a run of ones, a sign-extended word, or repeated bytes. */
  integer(): bigint {
    switch (this.below(10)) {
      case 0:
        return BigInt.asUintN(64, BigInt(this.between(-4, 4)))
      case 1:
        return BigInt.asUintN(64, (1n << BigInt(this.below(64))) + BigInt(this.between(-1, 1)))
      case 2:
        return BigInt.asUintN(64, -(1n << BigInt(this.below(64))) + BigInt(this.between(-1, 1)))
      case 3:
        return BigInt.asUintN(64, BigInt(this.u32() | 0))
      case 4: {
        const run = (1n << BigInt(this.between(1, 64))) - 1n
        return BigInt.asUintN(64, run << BigInt(this.below(64)))
      }
      case 5: {
        let value = 0n
        for (let i = 0; i < 8; i++)
          value = (value << 8n) | BigInt(this.pick([0, 0, 1, 0x7f, 0x80, 0xff, this.below(256)]))
        return value
      }
      case 6:
        return this.u64() >> BigInt(this.below(64))
      default:
        return this.u64()
    }
  }

  /** The bits of a number with `exponentBits` and `fractionBits`: any class, with a liking for the edges of each. */
  float(exponentBits: number, fractionBits: number): bigint {
    const sign = BigInt(this.below(2)) << BigInt(exponentBits + fractionBits)
    const top = (1 << exponentBits) - 1
    const bias = top >> 1
    let exponent: number
    switch (this.below(12)) {
      case 0:
        exponent = 0
        break
      case 1:
        exponent = top
        break
      case 2:
        exponent = this.between(1, Math.min(top - 1, fractionBits + 3))
        break
      case 3:
        exponent = Math.max(1, top - this.between(1, 4))
        break
      // Near the widths of integers, where conversions overflow.
      case 4:
        exponent = bias + this.pick([-1, 0, 30, 31, 32, 62, 63, 64].filter((e) => bias + e < top))
        break
      case 5:
      case 6:
      case 7:
      case 8:
        exponent = Math.min(top - 1, Math.max(1, bias + this.between(-4, fractionBits + 4)))
        break
      default:
        exponent = this.below(top + 1)
    }
    const ones = (1n << BigInt(fractionBits)) - 1n
    let fraction: bigint
    switch (this.below(6)) {
      case 0:
        fraction = 0n
        break
      case 1:
        fraction = ones
        break
      case 2:
        fraction = 1n << BigInt(this.below(fractionBits))
        break
      case 3:
        fraction = (ones << BigInt(this.below(fractionBits))) & ones
        break
      case 4:
        fraction = BigInt(this.between(0, 3)) & ones
        break
      default:
        fraction = this.u64() & ones
    }
    return sign | (BigInt(exponent) << BigInt(fractionBits)) | fraction
  }

  half(): bigint {
    return this.float(5, 10)
  }

  single(): bigint {
    return this.float(8, 23)
  }

  double(): bigint {
    return this.float(11, 52)
  }
}
