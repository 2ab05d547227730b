// The uplink that gives back what it gets: both directions are one ring, so nothing needs to be moved.

import type { Uplink, UplinkOptions } from './uplink.ts'

export class LoopbackUplink implements Uplink {
  constructor({ setLink }: Pick<UplinkOptions, 'setLink'>) {
    setLink(true)
  }

  pump(): void {}

  close(): void {}
}
