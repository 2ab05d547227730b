// The lean kernel's recipe: tools, configuration, and the use of an earlier result.

import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pullBusybox } from '../../../guests/debian/pull.ts'
import { findGuest } from '../../../guests/find.ts'
import { buildLeanKernel, checkConfig, checkTools } from '../../../guests/linux/build.ts'
import { readRecipe } from '../../../guests/recipe.ts'
import { guestPackages, startRepository } from '../debian/repository.ts'
import { inScratch, refuses } from '../scratch.ts'

const FRAGMENT = 'CONFIG_A=y\nCONFIG_B="x"\n# CONFIG_C is not set\n# A remark\n'

test(
  'missing tools are named, with the packages that have them',
  inScratch(async (folder) => {
    const add = async (names: string[]) => {
      for (const name of names) {
        await writeFile(join(folder, name), '')
        await chmod(join(folder, name), 0o755)
      }
    }
    await add(['riscv64-linux-gnu-gcc', 'riscv64-linux-gnu-ld', 'gcc', 'make', 'tar', 'xz'])
    assert.throws(
      () => checkTools({ PATH: folder }),
      (error: Error) =>
        error.message === 'Cannot build a kernel without flex, bison, bc; run "apt-get install flex bison bc".',
    )
    await add(['flex', 'bison', 'bc'])
    checkTools({ PATH: folder })
  }),
)

test('a configuration that took every line of the fragment passes', async () => {
  await checkConfig('CONFIG_A=y\nCONFIG_B="x"\n# CONFIG_C is not set\n', FRAGMENT)
  await checkConfig('CONFIG_A=y\nCONFIG_B="x"\n', FRAGMENT)
})

test('each line that the configuration did not take is named', async () => {
  const error = await refuses(checkConfig('CONFIG_A=m\nCONFIG_B="x"\nCONFIG_C=y\n', FRAGMENT), /did not take/)
  assert.match(error.message, /CONFIG_A=y, # CONFIG_C is not set;/)
})

test('the fragment says each thing once', () => {
  const names = readRecipe('linux/config.fragment')
    .toString()
    .split('\n')
    .flatMap((line) => line.match(/^(?:# )?(CONFIG_\w+)(?:=| is not set$)/)?.[1] ?? [])
  assert.ok(names.length > 100)
  assert.equal(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  )
})

test(
  'a kernel of this configuration in the cache is used, without network and without tools',
  inScratch(async (folder) => {
    const repository = await startRepository(await guestPackages())
    const cache = join(folder, 'cache')
    const keyring = join(folder, 'keyring')
    await writeFile(keyring, repository.keyring)
    await pullBusybox({ cache, keyring, mirror: repository.uri, transport: 'http' })
    await repository.close()

    const edition = createHash('sha256').update(readRecipe('linux/config.fragment')).digest('hex').slice(0, 8)
    const built = join(cache, 'linux', `6.12.1-1_${edition}_01234567`)
    await mkdir(built, { recursive: true })
    await writeFile(join(built, 'Image'), 'kernel')
    await writeFile(
      join(cache, 'linux', 'current.json'),
      JSON.stringify({ version: '6.12.1-1', folder: `6.12.1-1_${edition}_01234567` }),
    )
    const lean = await buildLeanKernel({ cache, env: { PATH: '' } })
    assert.is(lean.kernel, join(built, 'Image'))
    assert.equal(await findGuest(cache), {
      kernel: lean.kernel,
      initrd: lean.initrd,
      kind: 'lean',
      version: '6.12.1-1',
    })
    await refuses(buildLeanKernel({ cache, env: { PATH: '' }, force: true }), /^Cannot build a kernel without/)
  }),
)

test(
  'an empty cache has no guest',
  inScratch(async (folder) => {
    assert.is(await findGuest(join(folder, 'cache')), undefined)
  }),
)

test.run()
