// The calls to the kernel of the host that make a tap of /dev/net/tun (linux/if_tun.h), through the optional package koffi.

/** _IOW('T', n, int); the same on all machines that Node runs on. */
const TUNSETIFF = 0x4004_54ca
const TUNSETOFFLOAD = 0x4004_54d0
const TUNSETVNETHDRSZ = 0x4004_54d8
const IFF_TAP = 0x0002
const IFF_NO_PI = 0x1000
const IFF_VNET_HDR = 0x4000
/** TUN_F_CSUM, TSO4, TSO6 and TSO_ECN: what guests, and the kernel for them, take. */
const OFFLOADS = 0x01 | 0x02 | 0x04 | 0x08
/** struct ifreq: a name of at most 15 letters and a zero, then a union. */
const IFREQ_BYTES = 40
const NAME_BYTES = 16

const EPERM = 1
const EBUSY = 16

/** The part of koffi that is used. */
interface Koffi {
  load(name: string): { func(prototype: string): (...words: unknown[]) => number }
  errno(): number
}

/** Makes the opened /dev/net/tun a tap of this name, whose frames have a struct virtio_net_hdr of `headerBytes`. */
export async function makeTap(fd: number, name: string, headerBytes: number): Promise<void> {
  const koffi = await loadKoffi()
  const libc = koffi.load(process.platform === 'linux' ? 'libc.so.6' : '')
  const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)')
  const request = Buffer.alloc(IFREQ_BYTES)
  if (request.write(name, 'latin1') >= NAME_BYTES) throw new Error(`"${name}" is too long for an interface's name`)
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, NAME_BYTES)
  if (ioctl(fd, TUNSETIFF, request) < 0) throw new Error(refusal(name, koffi.errno()))
  const size = Buffer.alloc(4)
  size.writeInt32LE(headerBytes)
  if (ioctl(fd, TUNSETVNETHDRSZ, size) < 0)
    throw new Error(`the tap ${name} cannot have headers (errno ${koffi.errno()})`)
  // This one takes its argument as a number; without it the host makes small frames with sums, which is well, too.
  libc.func('int ioctl(int fd, unsigned long request, unsigned long argument)')(fd, TUNSETOFFLOAD, OFFLOADS)
}

async function loadKoffi(): Promise<Koffi> {
  // Bundlers leave alone what they cannot read: the package is optional.
  const name = 'koffi'
  try {
    const loaded = (await import(name)) as { default: Koffi }
    return loaded.default
  } catch {
    throw new Error('a tap needs the package koffi; type "npm install koffi", or use a macvtap, which needs none')
  }
}

function refusal(name: string, errno: number): string {
  if (errno === EPERM) {
    return `this user may not use the tap ${name}; make it theirs with "ip tuntap add dev ${name} mode tap user NAME"`
  }
  if (errno === EBUSY) return `the tap ${name} is in use by another program`
  return `the host makes no tap ${name} (errno ${errno})`
}
