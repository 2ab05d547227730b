// The network of the one guest of `orlop run`, through all its resets.

import type { RunningGuest, RunningMachine, RunningNetwork, UplinkChoice } from '../host-shim/node/main.ts'
import type { NicOptions } from '../host-shim/node/options.ts'
import { randomMac } from '../host-shim/node/networks.ts'
import { planNetwork } from './fleet/networks.ts'
import type { PublishPlan } from './fleet/plan.ts'
import { ADDRESS_DEFAULT } from './fleet/publish.ts'
import { networkOptions } from './machine/network-options.ts'

export class SoleNetwork {
  /** The guest's devices: one, or none. */
  readonly nics: NicOptions[]

  private constructor(
    private readonly network: RunningNetwork | undefined,
    private readonly publish: PublishPlan[],
  ) {
    // Two runs on one wire must not have the same address.
    this.nics = network === undefined ? [] : [{ network, mac: randomMac() }]
  }

  /** Makes the network and listens at the published ports; throws MachineError when one cannot be had. */
  static async make(
    machine: RunningMachine,
    uplink: UplinkChoice,
    publish: PublishPlan[],
    warn: (message: string) => void,
  ): Promise<SoleNetwork> {
    if (uplink === 'none') return new SoleNetwork(undefined, [])
    const mode = typeof uplink === 'object' && 'user' in uplink ? 'nat' : 'bridge'
    const plan = planNetwork('net', { mode, uplink }, 'run', '--net')
    const network = await machine.defineNetwork({ ...networkOptions(plan), warn })
    for (const { protocol, address = ADDRESS_DEFAULT, port, count } of publish) {
      for (let i = 0; i < count; i++) await network.publish({ protocol, address, port: port + i, to: port + i })
    }
    return new SoleNetwork(network, publish)
  }

  /** Leads the published ports to this life of the guest, which has not been started. */
  async forward(guest: RunningGuest): Promise<void> {
    for (const { protocol, port, count, toPort } of this.publish) {
      await this.network?.forward({ protocol, port, count, guest: guest.id, toPort }, true)
    }
  }
}
