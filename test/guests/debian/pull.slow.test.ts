// The real thing: Debian's kernel from the archive this machine uses, by both ways. Needs the network.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pullDebian } from '../../../guests/debian/pull.ts'
import { findDebianArchive, readSources } from '../../../guests/debian/sources.ts'
import { requireTool } from '../../support/tools.ts'
import { inScratch } from '../scratch.ts'

const mirror = process.env.ORLOP_DEBIAN_MIRROR || findDebianArchive(readSources())

async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

test(
  'apt and plain HTTP bring the same guest, within 400 MB of memory',
  inScratch(async (folder) => {
    if (!requireTool('apt-get', 'apt')) return
    const options = mirror === undefined ? {} : { mirror }
    const viaApt = await pullDebian({ ...options, cache: join(folder, 'apt'), transport: 'apt' })
    const viaHttp = await pullDebian({ ...options, cache: join(folder, 'http'), transport: 'http' })
    assert.is(viaApt.version, viaHttp.version)
    assert.is(await hashOf(viaApt.kernel), await hashOf(viaHttp.kernel))
    assert.is(await hashOf(viaApt.initrd), await hashOf(viaHttp.initrd))
    assert.ok(process.resourceUsage().maxRSS < 400_000, `${process.resourceUsage().maxRSS} KB`)
  }),
)

test.run()
