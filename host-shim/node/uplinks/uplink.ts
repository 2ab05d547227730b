// What all uplinks have in common: an uplink is the outer end of one of the machine's numbered network ports on Node.

import type { Frames } from '../../frames.ts'

export interface UplinkOptions {
  /** Frames from the machine. */
  out: Frames
  /** Frames to the machine. */
  in: Frames
  /** Called when the machine should look at the uplink again. */
  wake(): void
  /** Called when frames can pass, and when they no longer can. An uplink is down until it says otherwise. */
  setLink(isUp: boolean): void
  /** Called when it is lost or cannot be had: once each time, not for every attempt. */
  warn(message: string): void
}

export interface Uplink {
  /** Moves what the machine has sent; to be called when its port tells. */
  pump(): void
  /** The machine has taken frames out of a ring whose writer asked to be told. */
  hearRoom?(): void
  /** Ends it for good. */
  close(): void
}

/** A port of the host that leads to one of the machine's on the uplink. */
export interface Publication {
  protocol: 'tcp' | 'udp'
  /** Address of the host to listen at. */
  address: string
  port: number
  /** Port on the machine's side. */
  to: number
}

/** An uplink that has the host's ports to give. */
export interface PublishingUplink extends Uplink {
  /** Fulfilled when the host listens; rejected with MachineError when it cannot. */
  publish(publication: Publication): Promise<void>
  unpublish(publication: Publication): Promise<void>
}
