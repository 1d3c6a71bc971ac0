/** The version is in the names: a node speaks what it subscribes to and what it registers. */
export const GOSSIP_TOPIC = 'shoal/load/1';
export const STREAM_PROTOCOL = '/shoal/handoff/1';
export const REGISTER_TOPIC = 'shoal/registers/1';
export const REGISTER_PROTOCOL = '/shoal/registers/1';
export const ACTION_PROTOCOL = '/shoal/action/1';
export const POWER_PROTOCOL = '/shoal/power/1';
