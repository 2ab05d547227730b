// What a terminal of a given size shows after a program has written to it: as much of a VT100 as our live table needs.

export class Display {
  private readonly cells: string[][]
  private row = 0
  private column = 0

  constructor(
    private readonly columns: number,
    private readonly rows: number,
  ) {
    this.cells = Array.from({ length: rows }, () => [])
  }

  /** The lines on the screen, without spaces at their ends. */
  get lines(): string[] {
    return this.cells.map((cells) =>
      Array.from(cells, (cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    )
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told.
    for (const [piece, count, letter] of text.matchAll(/\x1b\[(\d*)([A-Z])|[\s\S]/g)) {
      if (letter !== undefined) this.obey(letter, count === '' ? undefined : Number(count))
      else if (piece === '\r') this.column = 0
      else if (piece === '\n') this.feed()
      else if (piece < ' ') throw new Error(`This display does not know ${JSON.stringify(piece)}.`)
      else this.put(piece)
    }
  }

  private obey(letter: string, count: number | undefined): void {
    switch (letter) {
      case 'A':
        this.row = Math.max(0, this.row - (count ?? 1))
        break
      case 'H':
        this.row = this.column = 0
        break
      case 'K':
        this.line.length = Math.min(this.line.length, this.column)
        break
      case 'J':
        if (count === 2) for (const cells of this.cells) cells.length = 0
        else {
          this.line.length = Math.min(this.line.length, this.column)
          for (const cells of this.cells.slice(this.row + 1)) cells.length = 0
        }
        break
      default:
        throw new Error(`This display does not know ESC [ ${letter}.`)
    }
  }

  private get line(): string[] {
    return this.cells[this.row] as string[]
  }

  private put(letter: string): void {
    if (this.column === this.columns) {
      this.column = 0
      this.feed()
    }
    this.line[this.column++] = letter
  }

  private feed(): void {
    if (++this.row < this.rows) return
    this.row--
    this.cells.shift()
    this.cells.push([])
  }
}
