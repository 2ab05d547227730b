// A section of docs/networking.md as a play: what it says is typed, and what it shows must be seen.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { file, folder } from '../cli/lab.ts'
import { ORLOP } from '../cli/orlop.ts'

/** Who types it: "#" and "$" on the host, else the name of a guest. */
interface Step {
  who: string
  command: string
  /** The lines below it; none: whatever it says. */
  shown: string[]
}

/** Has a guest do a command; gives what it said. */
export type Obey = (guest: string, command: string) => Promise<string>

/** For blocks that the host alone has a part in. */
export const noGuest: Obey = (guest) => Promise.reject(new Error(`there is no ${guest}`))

const PATIENCE_MS = 240_000

export class Page {
  /** The text of the blocks between ``` of the section, each with the word behind its first ```. */
  private readonly blocks: { kind: string; text: string }[]
  private readonly children: ChildProcess[] = []

  constructor(title: string) {
    const page = readFileSync(fileURLToPath(new URL('../../docs/networking.md', import.meta.url)), 'utf8')
    const [, section] = page.split(`## ${title}\n`)
    assert.ok(section, `docs/networking.md has no section "${title}"`)
    const ends = section.search(/^## /m)
    this.blocks = [...section.slice(0, ends < 0 ? undefined : ends).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(
      ([, kind = '', text = '']) => ({ kind, text }),
    )
    // What the page calls "orlop" is the one under test.
    chmodSync(file('orlop', `#!/bin/sh\nexec "${process.execPath}" "${ORLOP}" "$@"\n`), 0o755)
    process.env.PATH = `${folder}:${process.env.PATH}`
  }

  /** The n-th file that the page shows. */
  yaml(n: number): string {
    return this.of('yaml', n)
  }

  /** Types what the n-th block of commands has. `meant` says what stands for the words that the page has by example. */
  async play(n: number, obey: Obey, meant: Record<string, string> = {}): Promise<void> {
    let text = this.of('', n)
    for (const [word, value] of Object.entries(meant)) {
      assert.ok(text.includes(word), `"${word}" is not on the page`)
      text = text.replaceAll(word, value)
    }
    for (const { who, command, shown } of steps(text)) {
      const said = who === '#' || who === '$' ? this.type(command, shown.length > 0) : await obey(who, command)
      if (shown.length > 0) assert.match(said.trimEnd(), pattern(shown.join('\n')), `${command}: ${said}`)
    }
  }

  /** Ends what was left in the background. */
  close(): void {
    for (const child of this.children) child.kill('SIGKILL')
  }

  private of(wanted: string, n: number): string {
    const block = this.blocks.filter(({ kind }) => kind === wanted)[n]
    assert.ok(block, `there is no block ${n} of kind "${wanted}"`)
    return block.text
  }

  private type(command: string, mayFail: boolean): string {
    const [, background] = /^(.*) &$/.exec(command) ?? []
    if (background !== undefined) {
      this.children.push(spawn('sh', ['-c', `exec ${background}`], { stdio: 'ignore' }))
      return ''
    }
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
      cwd: folder,
      encoding: 'utf8',
      timeout: PATIENCE_MS,
    })
    assert.ok(status === 0 || mayFail, `${command}: ${stderr}`)
    return stdout + stderr
  }
}

function steps(text: string): Step[] {
  const steps: Step[] = []
  for (const line of text.trimEnd().split('\n')) {
    const [, guest, host, command] = /^(?:(\w+)#|([#$])) (.*)$/.exec(line) ?? []
    if (command !== undefined) steps.push({ who: guest ?? host ?? '', command, shown: [] })
    else steps.at(-1)!.shown.push(line)
  }
  return steps
}

/** Text in which "…" is anything. */
function pattern(text: string): RegExp {
  const parts = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^\\n]*')}$`)
}
