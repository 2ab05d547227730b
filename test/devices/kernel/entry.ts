// All kernel tests of the devices: each exported function is one.

import "../../support/kernel/abort";
export * from "./aclint";
export * from "./balloon";
export * from "./blk";
export * from "./bucket";
export * from "./bus";
export * from "./console";
export * from "./hostile";
export * from "./input";
export * from "./limits";
export * from "./limits-console";
export * from "./limits-net";
export * from "./mmio";
export * from "./net";
export * from "./net-hostile";
export * from "./plic";
export * from "./power";
export * from "./queue";
export * from "./rng";
export * from "./rtc";
export * from "./starving";
export * from "./uart";
