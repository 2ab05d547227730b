/** Random cases for the float tests, drawn so that carries, cancellation, ties, subnormals and overflow are common. */
import { CASE_WORDS, type Family } from './cases.js'

/** A source of random numbers that gives the same ones for the same seed (Bob Jenkins' small generator, 32 bits). */
export class Random {
  #a = 0xf1ea5eed
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    this.#b = this.#c = this.#d = seed >>> 0
    for (let i = 0; i < 20; i++) this.word()
  }

  word(): number {
    const e = (this.#a - ((this.#b << 27) | (this.#b >>> 5))) | 0
    this.#a = this.#b ^ ((this.#c << 17) | (this.#c >>> 15))
    this.#b = (this.#c + this.#d) | 0
    this.#c = (this.#d + e) | 0
    this.#d = (e + this.#a) | 0
    return this.#d >>> 0
  }

  below(limit: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * limit)
  }

  within(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }
}

/** Draws random cases of one family. */
export class Drawer {
  readonly #random: Random
  readonly #family: Family
  readonly #double: boolean
  readonly #bias: number
  readonly #top: number
  readonly #bits: number
  readonly #f64 = new Float64Array(3)
  readonly #f32 = new Float32Array(6) // only every second: an operand has two words
  #high = 0
  #low = 0

  constructor(family: Family, random: Random) {
    this.#family = family
    this.#random = random
    this.#double = family.kind === 'd'
    this.#bits = this.#double ? 52 : 23
    this.#top = this.#double ? 2047 : 255
    this.#bias = this.#top >> 1
  }

  /** Fills the words with cases. */
  fill(words: Uint32Array): void {
    const { operations, rounds, kind } = this.#family
    for (let at = 0; at < words.length; at += CASE_WORDS) {
      words[at] = operations[this.#random.below(operations.length)] as number
      words[at + 1] = rounds ? this.#random.below(5) : 0
      const operands = words.subarray(at + 2, at + CASE_WORDS)
      if (kind === 'w' || kind === 'l') this.#drawInteger(operands)
      else this.#drawFloats(operands)
    }
  }

  /** A word of 64 bits, in high and low, that is plain noise or has its structure in its first `bits` bits. */
  #drawPattern(bits: number): void {
    const random = this.#random
    const cut = random.within(0, bits)
    const maskHigh = cut === 0 ? 0 : cut >= 32 ? 0xffffffff : 0xffffffff << (32 - cut)
    const maskLow = cut <= 32 ? 0 : 0xffffffff << (64 - cut)
    let high = random.word(),
      low = random.word()
    switch (random.below(10)) {
      case 0:
        high = 0
        low = 0
        break
      case 1:
        high = ~0
        low = ~0
        break
      case 2:
        high = maskHigh
        low = maskLow
        break
      case 3:
        high = ~maskHigh
        low = ~maskLow
        break
      case 4:
        high = maskHigh & ~(maskHigh << 1)
        low = maskLow & ~(maskLow << 1)
        break
      case 5:
      case 6:
        high &= maskHigh
        low &= maskLow
        break
      case 7:
        high |= ~maskHigh
        low |= ~maskLow
        break
      default:
        break
    }
    this.#high = high >>> 0
    this.#low = low >>> 0
  }

  #drawExponent(): number {
    const random = this.#random
    switch (random.below(8)) {
      case 0:
        return random.within(0, this.#top)
      case 1:
        return random.within(0, this.#bits + 3)
      case 2:
        return random.within(this.#top - 4, this.#top)
      case 3:
        return random.within(0, 2)
      case 4:
        return this.#bias + random.within(-70, 70)
      default:
        return this.#bias + random.within(-3, 3)
    }
  }

  #putFloat(out: Uint32Array, index: number, exponent: number): void {
    this.#drawPattern(this.#bits + 1)
    const field = Math.min(Math.max(exponent, 0), this.#top)
    const sign = this.#random.below(2)
    if (this.#double) {
      out[index * 2] = (this.#high << 20) | (this.#low >>> 12)
      out[index * 2 + 1] = (sign << 31) | (field << 20) | (this.#high >>> 12)
    } else {
      out[index * 2] = (sign << 31) | (field << 23) | (this.#high >>> 9)
      out[index * 2 + 1] = 0
    }
  }

  #exponentAt(out: Uint32Array, index: number): number {
    return this.#double ? (out[index * 2 + 1]! >>> 20) & 2047 : (out[index * 2]! >>> 23) & 255
  }

  /** Puts what the machine's own arithmetic makes of operands x and y, negated or not, its last bits changed at times. */
  #putDerived(out: Uint32Array, index: number, compute: (x: number, y: number) => number, x: number, y: number): void {
    const values = this.#double ? this.#f64 : this.#f32
    const stride = this.#double ? 1 : 2
    const words = new Uint32Array(values.buffer)
    words.set(out)
    const value = compute(values[x * stride]!, values[y * stride]!)
    values[index * stride] = this.#random.below(4) === 0 ? value : -value
    out[index * 2] = words[index * 2]!
    out[index * 2 + 1] = this.#double ? words[index * 2 + 1]! : 0
    if (this.#random.below(2) === 0)
      out[index * 2] = out[index * 2]! ^ (this.#random.word() >>> this.#random.within(8, 31))
  }

  #drawFloats(out: Uint32Array): void {
    const random = this.#random
    const choice = random.below(4)
    for (let i = 0; i < this.#family.operands; i++) this.#putFloat(out, i, this.#drawExponent())
    const a = this.#exponentAt(out, 0),
      b = this.#exponentAt(out, 1)
    switch (this.#family.relation) {
      case 'sum':
        if (choice === 0) this.#putFloat(out, 1, a + random.within(-2, 2))
        if (choice === 1) this.#putFloat(out, 1, a + random.within(-this.#bits - 4, this.#bits + 4))
        if (choice === 2) this.#putDerived(out, 1, (x) => x, 0, 0)
        break
      case 'product':
        if (choice === 0) this.#putFloat(out, 1, this.#bias - a + random.within(-this.#bits - 4, 3))
        if (choice === 1) this.#putFloat(out, 1, this.#top + this.#bias - a + random.within(-3, 2))
        break
      case 'quotient':
        if (choice === 0) this.#putFloat(out, 1, this.#bias + a + random.within(-3, this.#bits + 4))
        if (choice === 1) this.#putFloat(out, 1, a - this.#bias + random.within(-3, 3))
        if (choice === 2) {
          const factor = random.within(1, 1 << random.within(1, 12))
          this.#putDerived(out, 0, (x) => x * factor, 1, 1)
        }
        break
      case 'root':
        if (choice === 0) this.#putDerived(out, 0, (x) => x * x, 0, 0)
        if (random.below(16) !== 0) out[this.#double ? 1 : 0]! &= 0x7fffffff
        break
      case 'fused':
        if (random.below(4) === 0) this.#putFloat(out, 1, this.#bias - a + random.within(-2 * this.#bits, 3))
        if (choice === 0) this.#putFloat(out, 2, a + this.#exponentAt(out, 1) - this.#bias + random.within(-2, 3))
        if (choice === 1)
          this.#putFloat(
            out,
            2,
            a + this.#exponentAt(out, 1) - this.#bias + random.within(-2 * this.#bits - 8, 2 * this.#bits + 8),
          )
        if (choice === 2) this.#putDerived(out, 2, (x, y) => x * y, 0, 1)
        break
      case 'integer':
        if (choice !== 0) this.#putFloat(out, 0, this.#bias + random.within(-3, 66))
        break
      default:
        if (choice === 0 && this.#family.operands > 1) this.#putDerived(out, 1, (x) => x, 0, 0)
        if (choice === 1 && b === 0 && this.#family.operands > 1) this.#putFloat(out, 1, a)
    }
  }

  #drawInteger(out: Uint32Array): void {
    this.#drawPattern(64)
    const count = this.#random.below(64)
    let high = this.#high,
      low = this.#low
    if (count >= 32) {
      low = high >>> (count - 32)
      high = 0
    } else if (count > 0) {
      low = (high << (32 - count)) | (low >>> count)
      high >>>= count
    }
    if (this.#random.below(2) === 0) {
      high = ~high
      low = ~low
    }
    out[0] = low
    out[1] = high
  }
}
