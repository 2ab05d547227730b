// Looks for a text in a stream of bytes, whatever pieces it comes in.

export class Needle {
  private readonly text: Buffer
  private tail: Buffer = Buffer.alloc(0)

  constructor(text: string) {
    this.text = Buffer.from(text, 'utf8')
  }

  /** Has the text come up, with this piece at the latest? */
  isIn(piece: Uint8Array): boolean {
    const window = Buffer.concat([this.tail, piece])
    if (window.includes(this.text)) return true
    this.tail = window.subarray(Math.max(0, window.length - this.text.length + 1))
    return false
  }
}
