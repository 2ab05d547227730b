// The processes that a benchmark has started: none of them outlives it, however it ends.

import type { ChildProcess } from 'node:child_process'

const running = new Set<ChildProcess>()

/**
 * Ends the child (its whole group where it leads one) when this process ends first. What ends a script by a signal
 * (build/process.ts) leaves through `process.exit`, so that is what counts.
 */
export function keep<T extends ChildProcess>(child: T, leadsGroup = false): T {
  if (leadsGroup) leaders.add(child)
  running.add(child)
  child.on('close', () => running.delete(child))
  child.on('error', () => running.delete(child))
  return child
}

/** Ends the child at once; nothing happens where it has ended already. */
export function kill(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(leaders.has(child) ? -pid : pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

const leaders = new WeakSet<ChildProcess>()

process.once('exit', () => {
  for (const child of running) kill(child)
})
