// All kernel tests of the switch: each exported function is one.

import "../../../support/kernel/abort";
export * from "./bridge";
export * from "./cables";
export * from "./guard";
export * from "./life";
export * from "./vlan";
export * from "./waiting";
