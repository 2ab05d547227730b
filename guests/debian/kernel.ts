// What we take out of Debian's kernel package: the flat image and the modules a guest can use.

import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { OrlopError } from '../../cli/error.ts'
import { readJson, writeJson } from '../cache.ts'
import { GUEST_MODULES, type Module } from '../initramfs/initramfs.ts'
import { type ModuleInfo, moduleName, readModuleInfo, removeSignature, stripModule } from '../initramfs/module.ts'
import { collect, type UnpackOptions, unpackDeb, unxz } from './deb.ts'

/** Names inside the folder that `unpackKernel` fills. */
const IMAGE = 'Image'
const MODULES = 'modules.json'

interface ModuleList {
  /** The kernel's release, as `uname -r` gives it. */
  release: string
  modules: ModuleInfo[]
}

/** "RISCV" at offset 48 and "RSC\x05" at 56: the header of a flat image (Documentation/arch/riscv/boot-image-header.rst). */
const IMAGE_MAGIC_OFFSET = 56
const IMAGE_MAGIC = Buffer.from('RSC\x05', 'latin1')

/** Unpacks the kernel package at `deb` into `folder`: the image, and our modules plain, unsigned and stripped. */
export async function unpackKernel(deb: string, folder: string, options: UnpackOptions): Promise<void> {
  // The modules come in the order of their folders, not of their needs: all are held, packed (100 MB), until the end.
  const packed = new Map<string, Buffer>()
  let release: string | undefined
  await unpackDeb(
    deb,
    async ({ path, content }) => {
      const image = path.match(/^boot\/vmlinux-(.+)$/)
      if (image !== null) {
        release = image[1]
        await writeImage(join(folder, IMAGE), await collect(content), path)
      } else if (/\.ko(\.xz|\.gz|\.zst)?$/.test(path)) {
        packed.set(moduleName(basename(path).replace(/\.ko.*$/, '')), await collect(content))
      }
    },
    options,
  )
  if (release === undefined)
    throw new OrlopError('There is no boot/vmlinux-* in the kernel package; use another mirror.', 1)
  const modules: ModuleInfo[] = []
  const queue = [...GUEST_MODULES]
  for (const name of queue) {
    const bytes = packed.get(name)
    // A module that is not there is built in.
    if (bytes === undefined || modules.some((module) => module.name === name)) continue
    const module = removeSignature(await plain(bytes))
    const info = { ...readModuleInfo(module), name }
    queue.push(...info.depends)
    modules.push(info)
    await writeFile(join(folder, `${name}.ko`), stripModule(module))
  }
  await writeJson(join(folder, MODULES), { release, modules } satisfies ModuleList)
}

/** The path of the image in a folder that `unpackKernel` filled. */
export function kernelImage(folder: string): string {
  return join(folder, IMAGE)
}

/** The modules in a folder that `unpackKernel` filled, and the release they belong to. */
export async function readModules(folder: string): Promise<{ release: string; modules: Module[] }> {
  const list = await readJson<ModuleList>(join(folder, MODULES))
  if (list === undefined)
    throw new OrlopError(`The cache folder ${folder} is damaged; run "orlop pull debian --refresh".`, 1)
  const modules = await Promise.all(
    list.modules.map(async (info) => ({ info, content: await readFile(join(folder, `${info.name}.ko`)) })),
  )
  return { release: list.release, modules }
}

async function writeImage(path: string, image: Buffer, name: string): Promise<void> {
  if (!image.subarray(IMAGE_MAGIC_OFFSET, IMAGE_MAGIC_OFFSET + 4).equals(IMAGE_MAGIC)) {
    throw new OrlopError(`The file ${name} is not a flat RISC-V kernel image; report which kernel package this is.`, 1)
  }
  await writeFile(path, image)
}

async function plain(bytes: Buffer): Promise<Buffer> {
  if (bytes.toString('latin1', 1, 4) === 'ELF') return bytes
  return collect(unxz(Readable.from([bytes])))
}
