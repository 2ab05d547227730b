// Bytes on their way to the machine: those that are under way, until they are acknowledged, and behind them those to come.

/** Pieces up to this size are gathered in blocks, so that many small ones don't become a long list. */
const SMALL_BYTES = 4096
const BLOCK_BYTES = 16384

export class Backlog {
  /** Bytes in it. */
  length = 0
  private pieces: Uint8Array[] = []
  /** Bytes of the first piece that are gone already. */
  private gone = 0
  /** The block that the last piece lies in, if there is room behind it, and how many bytes are taken. */
  private block: Uint8Array | undefined
  private taken = 0

  /** Adds bytes behind the others, and keeps them. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.length += bytes.length
    if (bytes.length > SMALL_BYTES) {
      this.block = undefined
      this.pieces.push(bytes)
      return
    }
    const from = this.taken
    if (this.block !== undefined && from + bytes.length <= BLOCK_BYTES) {
      this.block.set(bytes, from)
      this.taken += bytes.length
      const last = this.pieces[this.pieces.length - 1]!
      this.pieces[this.pieces.length - 1] = this.block.subarray(last.byteOffset, this.taken)
      return
    }
    this.block = new Uint8Array(new ArrayBuffer(BLOCK_BYTES))
    this.block.set(bytes)
    this.taken = bytes.length
    this.pieces.push(this.block.subarray(0, this.taken))
  }

  /** Takes `count` bytes off the front. */
  drop(count: number): void {
    this.length -= count
    this.gone += count
    let whole = 0
    while (whole < this.pieces.length && this.gone >= this.pieces[whole]!.length) {
      this.gone -= this.pieces[whole]!.length
      whole++
    }
    if (whole === 0) return
    this.pieces.splice(0, whole)
    if (this.pieces.length === 0) this.block = undefined
  }

  /** The `count` bytes from `from` on, as they lie. */
  slices(from: number, count: number): Uint8Array[] {
    const slices: Uint8Array[] = []
    let at = from + this.gone
    let rest = count
    for (const piece of this.pieces) {
      if (rest === 0) break
      if (at >= piece.length) {
        at -= piece.length
        continue
      }
      const slice = piece.subarray(at, at + rest)
      slices.push(slice)
      rest -= slice.length
      at = 0
    }
    return slices
  }

  clear(): void {
    this.length = 0
    this.gone = 0
    this.pieces = []
    this.block = undefined
  }
}
