// Numbers that are given out, and taken back to be given out again: the lowest free one first.

export class Numbers {
  private readonly used = new Set<number>()

  take(): number {
    let number = 0
    while (this.used.has(number)) number++
    this.used.add(number)
    return number
  }

  has(number: number): boolean {
    return this.used.has(number)
  }

  giveBack(numbers: Iterable<number>): void {
    for (const number of numbers) this.used.delete(number)
  }
}
