// A ring of bytes in shared memory, between one writer and one reader on different threads.
//
//   word 0  bytes written so far   (modulo 2^32, moved by the writer)
//   word 1  bytes read so far      (modulo 2^32, moved by the reader)
//   word 2  1: the reader found nothing and wants to be told of the next byte
//   word 3  1: the writer found no room and wants to be told when there is some
//   then    the bytes; their number is a power of two
//
// The ring never blocks. Who finds it empty or full asks to be told, and then must look once more, because the other
// side may have moved before it could see the request. How the news travels is not the ring's business.

const WRITTEN = 0
const READ = 1
const READER_WAITS = 2
const WRITER_WAITS = 3
const HEAD_BYTES = 16

export class Ring {
  private readonly words: Int32Array
  private readonly bytes: Uint8Array
  private readonly mask: number

  /** Both sides make one over the same buffer. */
  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, HEAD_BYTES / 4)
    this.bytes = new Uint8Array(buffer, HEAD_BYTES)
    this.mask = this.bytes.length - 1
  }

  /** A new ring; `capacity` in bytes, a power of two. */
  static create(capacity: number): Ring {
    return new Ring(new SharedArrayBuffer(HEAD_BYTES + capacity))
  }

  get capacity(): number {
    return this.bytes.length
  }

  /** Bytes that wait to be read. */
  get length(): number {
    return (Atomics.load(this.words, WRITTEN) - Atomics.load(this.words, READ)) >>> 0
  }

  /** Bytes that can be written. */
  get room(): number {
    return this.bytes.length - this.length
  }

  /** Writer: puts as many of `source`'s bytes as fit; returns how many. */
  write(source: Uint8Array): number {
    const count = Math.min(source.length, this.room)
    const from = Atomics.load(this.words, WRITTEN)
    const start = from & this.mask
    const first = Math.min(count, this.bytes.length - start)
    this.bytes.set(source.subarray(0, first), start)
    if (first < count) this.bytes.set(source.subarray(first, count), 0)
    Atomics.store(this.words, WRITTEN, (from + count) | 0)
    return count
  }

  /** Reader: fills `target` as far as there are bytes; returns how many. */
  read(target: Uint8Array): number {
    const count = this.peek(target)
    this.skip(count)
    return count
  }

  /** Reader: copies the next bytes and leaves them in the ring; returns how many. */
  peek(target: Uint8Array): number {
    const count = Math.min(target.length, this.length)
    const start = Atomics.load(this.words, READ) & this.mask
    const first = Math.min(count, this.bytes.length - start)
    target.set(this.bytes.subarray(start, start + first), 0)
    if (first < count) target.set(this.bytes.subarray(0, count - first), first)
    return count
  }

  /** Reader: takes `count` bytes out unread; there must be so many. */
  skip(count: number): void {
    Atomics.store(this.words, READ, (Atomics.load(this.words, READ) + count) | 0)
  }

  /** Reader: asks to be told when bytes have come. */
  askForBytes(): void {
    Atomics.store(this.words, READER_WAITS, 1)
  }

  /** Writer: asks to be told when bytes were taken out. */
  askForRoom(): void {
    Atomics.store(this.words, WRITER_WAITS, 1)
  }

  /** Writer, after writing: must the reader be told? True once for each time that it asked. */
  tellReader(): boolean {
    return this.answer(READER_WAITS)
  }

  /** Reader, after reading: must the writer be told? True once for each time that it asked. */
  tellWriter(): boolean {
    return this.answer(WRITER_WAITS)
  }

  private answer(flag: number): boolean {
    return Atomics.load(this.words, flag) === 1 && Atomics.exchange(this.words, flag, 0) === 1
  }
}
