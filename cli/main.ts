#!/usr/bin/env node
// `orlop`: finds the verb, runs it, and turns what it throws into one sentence and an exit code.

import { projectVersion } from '../host-shim/node/artefact.ts'
import { OrlopError } from './error.ts'

interface Command {
  /** Text for `orlop help VERB`. */
  help: string
  /** Does what the words after the verb say; gives the exit code. */
  run(args: string[]): Promise<number>
}

interface Verb {
  /** One line for the overview. */
  summary: string
  load(): Promise<Command>
}

const VERBS: Record<string, Verb> = {
  run: { summary: 'boot a guest and give it the terminal', load: () => import('./run.ts') },
  pull: { summary: 'fetch a guest system into the cache', load: () => import('./pull.ts') },
  'build-kernel': { summary: 'build a lean guest kernel into the cache', load: () => import('./build-kernel.ts') },
}

/** What other tools call a verb, and ours. Words that mean different things to different tools are not guessed. */
const HINTS: Record<string, string> = {
  start: 'run',
  create: 'run',
  boot: 'run',
  launch: 'run',
  fetch: 'pull',
  download: 'pull',
  install: 'pull',
  build: 'build-kernel',
}

const HELP = `Usage: orlop VERB [WORDS]

A hypervisor in WebAssembly that boots unmodified RISC-V Linux.

${Object.entries(VERBS)
  .map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`)
  .join('\n')}
  help VERB     what a verb takes

  --help        print this text
  --version     print the version

To begin with: "orlop pull debian", then "orlop run".
`

/** Does what the words of the command line say; gives the exit code. */
async function main([verb, ...args]: string[]): Promise<number> {
  if (verb === undefined || verb === '--help' || verb === '-h' || (verb === 'help' && args.length === 0)) {
    process.stdout.write(HELP)
    return 0
  }
  if (verb === '--version') {
    process.stdout.write(`orlop ${projectVersion()}\n`)
    return 0
  }
  const isHelp = verb === 'help' || args.includes('--help') || args.includes('-h')
  const command = await find(verb === 'help' ? (args[0] as string) : verb).load()
  if (!isHelp) return command.run(args)
  process.stdout.write(command.help)
  return 0
}

function find(word: string): Verb {
  const verb = Object.hasOwn(VERBS, word) ? VERBS[word] : undefined
  if (verb !== undefined) return verb
  if (word.startsWith('-'))
    throw new OrlopError(`The verb comes first: "orlop run ${word}"; "orlop --help" lists the verbs.`)
  const meant = Object.hasOwn(HINTS, word) ? `did you mean "orlop ${HINTS[word]}"? ` : ''
  throw new OrlopError(`There is no verb "${word}"; ${meant}"orlop --help" lists the verbs.`)
}

/** From here on a run was cut short by its user, who does not want to wait. */
const CUT_SHORT = 124
const HURRY_MS = 1_000

/** Ends the process when what was written has gone out, because a pipe may take it later. */
function leave(code: number): void {
  process.exitCode = code
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
  if (code >= CUT_SHORT) setTimeout(() => process.exit(code), HURRY_MS)
}

// A reader that has gone away ends the process quietly, as SIGPIPE would.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 141 : 1))

const words = process.argv.slice(2)
try {
  leave(await main(words))
} catch (error) {
  if (!(error instanceof OrlopError)) throw error
  process.stderr.write(`orlop: ${error.message}\n`)
  if (words.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ error: error.message, exitCode: error.exitCode })}\n`)
  }
  leave(error.exitCode)
}
