// Starts this program again as a process that stays when its terminal has gone, for `orlop up --detach`.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { print, printJson } from './ask.ts'
import { OrlopError } from './error.ts'
import { logPath } from './machine/socket.ts'

/** What the process says when its machine answers. */
interface Up {
  isUp: true
  /** Sentences about guests that could not be started. */
  failures: string[]
}

/** Starts the machine in the background; fulfilled with the exit code when it answers, or has given up. */
export async function goToBackground(name: string, args: string[], isJson: boolean): Promise<number> {
  const log = logPath(name)
  const child = start(args, log)
  const ended = new Promise<number>((fulfil) => child.on('close', (code) => fulfil(code ?? 1)))
  const up = await Promise.race([
    new Promise<Up>((fulfil) => child.on('message', (message) => fulfil(message as Up))),
    ended,
  ])
  if (typeof up === 'number') {
    const said =
      readFileSync(log, 'utf8')
        .trimEnd()
        .split('\n')
        .at(-1)
        ?.replace(/^orlop: /, '') || `See ${log}.`
    throw new OrlopError(said, up || 1)
  }
  child.disconnect()
  child.unref()
  for (const failure of up.failures) process.stderr.write(`orlop: ${failure}\n`)
  if (isJson) printJson({ machine: name, pid: child.pid, log, failures: up.failures })
  else print(`${name}: up in the background (process ${child.pid}); its log is ${log}. "orlop down" ends it.\n`)
  return up.failures.length > 0 ? 1 : 0
}

function start(args: string[], log: string): ChildProcess {
  const words = args.filter((word) => word !== '--detach' && word !== '--json')
  const file = openSync(log, 'w', 0o600)
  try {
    const command = [...process.execArgv, process.argv[1] as string, 'up', '--background', ...words]
    return spawn(process.execPath, command, { detached: true, stdio: ['ignore', file, file, 'ipc'] })
  } finally {
    closeSync(file)
  }
}
