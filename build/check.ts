// npm run check: everything that can be said about the sources without running them, one verdict a line.
//
// `npm run check -- --fix` lets the formatter and the linter put right what they can.

import './node.ts'
import { join } from 'node:path'
import { BuildError, provide } from './artefact.ts'
import { ROOT, runNode } from './process.ts'
import { kernel } from './products.ts'

interface Step {
  name: string
  /** What is wrong, in the tool's own words; undefined: nothing. */
  run(): Promise<string | undefined>
}

/** A step that runs one of the installed tools, which must end well and say nothing against us. */
function tool(name: string, script: string, args: string[]): Step {
  return {
    name,
    async run() {
      const { ok, output, ending } = await runNode([join(ROOT, 'node_modules', script), ...args])
      return ok ? undefined : output.trim() || ending
    },
  }
}

const BIOME = '@biomejs/biome/bin/biome'
const fix = process.argv.includes('--fix') ? ['--write'] : []
const STEPS: Step[] = [
  tool('format', BIOME, ['format', '--colors=off', '--reporter=summary', ...fix]),
  tool('lint', BIOME, ['lint', '--colors=off', '--error-on-warnings', '--max-diagnostics=50', ...fix]),
  tool('tsc, host side', 'typescript/bin/tsc', ['-p', '.']),
  tool('tsc, kernel', 'typescript/bin/tsc', ['-p', 'hypervisor/tsconfig.json']),
  tool('tsc, WASI shim', 'typescript/bin/tsc', ['-p', 'host-shim/wasi/tsconfig.json']),
  tool('tsc, kernel tests', 'typescript/bin/tsc', ['-p', 'test/tsconfig.json']),
  {
    name: 'asc',
    run: () =>
      provide(kernel).then(
        () => undefined,
        (error) => {
          if (error instanceof BuildError) return error.message
          throw error
        },
      ),
  },
  tool('the house', 'tsx/dist/cli.mjs', ['test/house.test.ts']),
]

let failed = 0
for (const step of STEPS) {
  const start = performance.now()
  const complaint = await step.run()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${complaint === undefined ? 'ok    ' : 'FAILED'}  ${step.name.padEnd(20)}${seconds.padStart(6)} s`)
  if (complaint === undefined) continue
  failed++
  console.log(complaint.replace(/^/gm, '        '))
}
console.log(failed === 0 ? 'All good.' : `${failed} of ${STEPS.length} failed.`)
process.exitCode = failed === 0 ? 0 : 1
