// A part of the terminal that is drawn again and again; where there is none, lines that follow each other.
//
// It stays in the flow of the terminal, so what was there before can be read above it, and the last picture below which
// the shell goes on. No mode of the terminal is changed: a program that is killed leaves nothing to be put right.

const CLEAR = '\x1b[H\x1b[2J'

export class Screen {
  /** What was drawn last, as it was meant. */
  private lines: string[] = []
  /** Rows of it that are on the terminal, and the width of the widest. */
  private rows = 0
  private width = 0
  private readonly redraw = () => this.draw(this.lines)

  constructor(private readonly stream: NodeJS.WriteStream) {
    if (stream.isTTY) stream.on('resize', this.redraw)
  }

  /** Puts these lines where the last ones are. What does not fit is cut off. */
  draw(lines: string[]): void {
    const { stream } = this
    if (!stream.isTTY) {
      stream.write(`${lines.join('\n')}\n`)
      return
    }
    this.lines = lines
    const [columns, height] = [stream.columns || 80, stream.rows || 24]
    // A terminal that has become too small has wrapped or scrolled what is there, and nobody knows where it is.
    const isLost = this.width >= columns || this.rows >= height
    const shown = lines.slice(0, Math.max(1, height - 1)).map((line) => plain(line).slice(0, Math.max(1, columns - 1)))
    const back = this.rows > 0 ? `\x1b[${this.rows}A\r` : ''
    stream.write(`${isLost ? CLEAR : back}${shown.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`)
    this.rows = shown.length
    this.width = Math.max(0, ...shown.map(({ length }) => length))
  }

  /** Leaves the terminal as it is, with the cursor below what was drawn. */
  end(): void {
    this.stream.off('resize', this.redraw)
  }
}

/** What a guest or a path can name must not steer the terminal. */
function plain(line: string): string {
  return line.replace(/\p{Cc}/gu, '?')
}
