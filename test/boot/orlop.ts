// Orlop as its user starts it: the built command, in a process of its own.

import { join } from 'node:path'
import { OUT } from '../../build/artefact.ts'
import type { Report } from '../../cli/report.ts'
import { Talk, type TalkOptions } from './talk.ts'

export interface Run {
  exitCode: number
  /** What the guest's console showed, without carriage returns. */
  console: string
  /** What Orlop itself had to say. */
  errors: string
}

/** Starts `orlop ARGS`. */
export function startOrlop(args: string[], options: TalkOptions = {}): Talk {
  return new Talk([process.execPath, join(OUT, 'orlop.mjs'), ...args], options)
}

/** Runs `orlop ARGS` to its end without anybody at the keyboard. */
export async function runOrlop(args: string[], options: TalkOptions = {}): Promise<Run> {
  const talk = startOrlop(args, options)
  const exitCode = await talk.end()
  return { exitCode, console: talk.heard, errors: talk.errors }
}

/** Runs `orlop run ARGS --stats json`; gives what it reported beside the rest. */
export async function measureOrlop(args: string[], options: TalkOptions = {}): Promise<Run & { report: Report }> {
  const run = await runOrlop(['run', ...args, '--stats', 'json'], options)
  const { console, report } = splitReport(run.console)
  if (report === undefined) throw new Error(`There is no report; exit code ${run.exitCode}: ${run.errors}`)
  return { ...run, console, report }
}

/** The console's text, and the report behind it. */
export function splitReport(text: string): { console: string; report: Report | undefined } {
  const match = /^\{"outcome":.*\}\n$/m.exec(text)
  if (match === null) return { console: text, report: undefined }
  return { console: text.slice(0, match.index), report: JSON.parse(match[0]) as Report }
}
