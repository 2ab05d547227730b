// Cuts a stream of bytes into lines of at most so many bytes.

const NEWLINE = 0x0a

export class Lines {
  private parts: Buffer[] = []
  private length = 0

  /** `line` gets each line without its end; `tooLong` is called for one over `most` bytes, and nothing is read after it. */
  constructor(
    private readonly most: number,
    private readonly line: (text: string) => void,
    private readonly tooLong: () => void,
  ) {}

  add(bytes: Buffer): void {
    let rest = bytes
    while (this.length <= this.most && rest.length > 0) {
      const end = rest.indexOf(NEWLINE)
      const part = end < 0 ? rest : rest.subarray(0, end)
      this.parts.push(part)
      this.length += part.length
      if (this.length > this.most) {
        this.parts = []
        this.tooLong()
        return
      }
      if (end < 0) return
      const text = Buffer.concat(this.parts).toString('utf8')
      this.parts = []
      this.length = 0
      rest = rest.subarray(end + 1)
      this.line(text)
    }
  }
}
