// The neighbour on the network outside: a network namespace with an eth0, as docs/networking.md makes it, and what it does.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { requireTool } from '../support/tools.ts'

/** The programs that the neighbour runs. */
export function canHaveNeighbour(): boolean {
  const tools = { dnsmasq: 'dnsmasq-base', curl: 'curl', ping: 'iputils-ping' }
  return Object.entries(tools).every(([name, archive]) => requireTool(name, archive))
}

const MOST_BYTES = 1 << 26

const inside = (words: string[]) => ['netns', 'exec', 'neighbour', ...words]

/** Runs this there; gives what it said, or undefined: it failed. */
function neighbour(...words: string[]): string | undefined {
  const { status, stdout } = spawnSync('ip', inside(words), { encoding: 'utf8' })
  return status === 0 ? stdout : undefined
}

/** Starts this there. */
export function hosts(...words: string[]): ChildProcess {
  return spawn('ip', inside(words), { stdio: 'ignore' })
}

/** Starts a web server there that tells each caller from where the call comes. */
export function hostsMirror(address: string): ChildProcess {
  return hosts('node', '-e', `http.createServer((q, a) => a.end(q.socket.remoteAddress)).listen(80, "${address}")`)
}

/** What it fetches, within so many seconds; undefined: nothing. */
export function fetched(url: string, patience = 60): string | undefined {
  return neighbour('curl', '--silent', '--noproxy', '*', '--globoff', '--max-time', `${patience}`, url)?.trim()
}

/** The SHA-256 of what it fetches. */
export function sumFetched(url: string): string {
  const { stdout } = spawnSync('ip', inside(['curl', '--silent', '--noproxy', '*', url]), { maxBuffer: MOST_BYTES })
  return createHash('sha256').update(stdout).digest('hex')
}

/** Does it get an answer within so many seconds? */
export function pings(address: string, patience = 60): boolean {
  return neighbour('ping', '-n', '-c', '1', '-W', `${patience}`, address) !== undefined
}
