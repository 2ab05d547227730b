// A guest's console: the last of what it said, and those who listen. Nobody who listens can hold the guest up.

/** So much is shown to whoever attaches. */
const KEPT_BYTES = 16 * 1024

export class Backlog {
  private readonly kept = Buffer.alloc(KEPT_BYTES)
  /** Bytes that were ever written. */
  private total = 0
  private readonly watchers = new Set<(piece: Uint8Array) => void>()

  get watcherCount(): number {
    return this.watchers.size
  }

  write(piece: Uint8Array): void {
    const tail = piece.subarray(Math.max(0, piece.length - KEPT_BYTES))
    const at = (this.total + piece.length - tail.length) % KEPT_BYTES
    const first = tail.subarray(0, KEPT_BYTES - at)
    this.kept.set(first, at)
    this.kept.set(tail.subarray(first.length), 0)
    this.total += piece.length
    for (const watcher of this.watchers) watcher(piece)
  }

  /** What is kept, oldest first. */
  read(): Buffer {
    if (this.total <= KEPT_BYTES) return Buffer.from(this.kept.subarray(0, this.total))
    const at = this.total % KEPT_BYTES
    return Buffer.concat([this.kept.subarray(at), this.kept.subarray(0, at)])
  }

  /** Calls `watcher` with each piece from now on; the result ends that. */
  watch(watcher: (piece: Uint8Array) => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }
}
