// A part of the terminal that is drawn again and again; where there is none, lines that follow each other.

export class Screen {
  private drawn = 0

  constructor(private readonly stream: NodeJS.WriteStream) {}

  /** Puts these lines where the last ones are. What does not fit is cut off. */
  draw(lines: string[]): void {
    const { stream } = this
    if (!stream.isTTY) {
      stream.write(`${lines.join('\n')}\n`)
      return
    }
    const width = stream.columns || 80
    const shown = lines.slice(0, Math.max(1, (stream.rows || 24) - 1)).map((line) => line.slice(0, width - 1))
    const back = this.drawn > 0 ? `\x1b[${this.drawn}A\r` : ''
    stream.write(`${back}${shown.map((line) => `\x1b[K${line}\n`).join('')}\x1b[J`)
    this.drawn = shown.length
  }
}
