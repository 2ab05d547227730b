// Runs long work for a command: progress on stderr, and an interrupt that ends it without harm.

import type { ProgressEvent, Work } from '../guests/progress.ts'
import { OrlopError } from './error.ts'

/** On a terminal the line is rewritten at most so often; elsewhere a line is written for each step and each ten seconds. */
const TERMINAL_MS = 100
const PLAIN_MS = 10_000

/** The exit code of a process that was interrupted (128 + SIGINT). */
const INTERRUPTED = 130

/** Does `work` with progress and the interrupt signals attached; errors of the system become one sentence. */
export async function withProgress<T>(
  work: (tools: Required<Work>) => Promise<T>,
  stream = process.stderr,
): Promise<T> {
  const controller = new AbortController()
  const stop = () => controller.abort()
  const printer = new ProgressPrinter(stream)
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await work({ report: (event) => printer.show(event), signal: controller.signal })
  } catch (cause) {
    if (controller.signal.aborted)
      throw new OrlopError('Interrupted; nothing was left half-written.', INTERRUPTED, { cause })
    const { syscall, message } = cause as NodeJS.ErrnoException
    if (syscall !== undefined) throw new OrlopError(`The system refused: ${message}.`, 1, { cause })
    throw cause
  } finally {
    printer.end()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

class ProgressPrinter {
  private step = ''
  private shownAt = 0

  constructor(private readonly stream: NodeJS.WriteStream) {}

  show(event: ProgressEvent): void {
    const isNew = event.step !== this.step
    const isDone = event.done !== undefined && event.done === event.total
    const now = performance.now()
    if (!isNew && now - this.shownAt < (this.stream.isTTY ? TERMINAL_MS : PLAIN_MS) && !(isDone && this.stream.isTTY))
      return
    this.step = event.step
    this.shownAt = now
    const text = `${event.step}${describe(event)}`
    if (this.stream.isTTY) this.stream.write(`\r\x1b[K${text.slice(0, (this.stream.columns || 80) - 1)}`)
    else this.stream.write(`${text}\n`)
  }

  end(): void {
    if (this.stream.isTTY && this.step !== '') this.stream.write('\r\x1b[K')
  }
}

function describe({ done, total, unit = 'bytes' }: ProgressEvent): string {
  if (done === undefined) return ''
  const percent = total === undefined ? '' : ` ${Math.floor((100 * done) / total)} %`
  if (unit === 'percent') return `:${percent}`
  const amount = (count: number) => (unit === 'bytes' ? (count / 1e6).toFixed(1) : `${count}`)
  const name = unit === 'bytes' ? 'MB' : unit
  return `:${percent} (${amount(done)}${total === undefined ? '' : ` of ${amount(total)}`} ${name})`
}
