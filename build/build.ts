// npm run build: makes the kernel and the command in build/out, one line for each.

import './node.ts'
import { fileURLToPath } from 'node:url'
import { type Artefact, BuildError, provide } from './artefact.ts'
import { PRODUCTS } from './products.ts'

/**
 * Makes every product that is not up to date; false (after a clear message each) when one could not be made. `say` hears
 * of each product.
 */
export async function buildAll(
  say: (line: string) => void = console.log,
  products: Artefact[] = PRODUCTS,
): Promise<boolean> {
  let ok = true
  for (const product of products) {
    try {
      const { sizeBytes, seconds } = await provide(product)
      const time = seconds === undefined ? 'up to date' : `${seconds.toFixed(1)} s`
      say(`${product.name.padEnd(14)}${size(sizeBytes).padStart(10)}   ${time}`)
    } catch (error) {
      if (!(error instanceof BuildError)) throw error
      console.error(`${product.name.padEnd(14)}${'failed'.padStart(10)}   ${error.message}`)
      ok = false
    }
  }
  return ok
}

function size(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(2)} MiB`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await buildAll()) ? 0 : 1
