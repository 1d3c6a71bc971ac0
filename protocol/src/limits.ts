/** Every maximum on the wire, and what it trades. A larger value is refused before anything is allocated for it. */

/** A load report: gossip relays it up to D times, so it must stay small; holds 64 VMs with their figures. */
export const REPORT_BYTES_MAX = 16_384;
/** A handoff message: a VM spec with its longest command line and 16 disks fits with room to spare. */
export const HANDOFF_BYTES_MAX = 65_536;
/** A register as gossip: its longest key, value and signature fit. */
export const REGISTER_BYTES_MAX = 5120;
/** An action or its answer: three sentences at their longest fit. */
export const ACTION_BYTES_MAX = 4096;
/** A farewell: a register at its longest and little more. */
export const POWER_BYTES_MAX = 6144;
/** Nested arrays deeper than this are an attack: our own are five deep. */
export const DEPTH_MAX = 8;

export const VMS_MAX = 64;
export const HANDOFFS_MAX = 64;
export const ADDRESSES_MAX = 8;
/** Reports in an offer's basis: one a node, so the largest cluster that one message can speak about. */
export const BASIS_MAX = 256;
export const DISKS_MAX = 16;
export const NICS_MAX = 8;
export const CHANNELS_MAX = 4;
export const LABELS_MAX = 32;

/** `kind/peer id/UUID` fits. */
export const REGISTER_KEY_BYTES_MAX = 128;
/** The pins of 64 VMs in one value. */
export const REGISTER_VALUE_BYTES_MAX = 4096;
/** Registers in one page: at their largest they fit into a frame. */
export const REGISTER_PAGE_MAX = 12;
/** One hash each in a digest: more make the idle exchange longer, fewer send more registers for one that differs. */
export const REGISTER_BUCKETS = 64;

export const NAME_BYTES_MAX = 63;
export const PATH_BYTES_MAX = 1024;
export const CMDLINE_BYTES_MAX = 2048;
export const ADDRESS_BYTES_MAX = 256;
export const SENTENCE_BYTES_MAX = 1024;
export const NUMBERS_MAX = 16;

/** 2^40 MiB·B and friends: anything above is no figure of a real machine. */
export const MEMORY_MIB_MAX = 2 ** 26;
export const RATE_BPS_MAX = 2 ** 46;
export const CORES_MAX = 4096;
export const CPU_MILLI_MAX = CORES_MAX * 1000;
/** One core given to VMs of a machine that has a thousand, all of them busy. */
export const CPU_PERMILLE_MAX = 1_000_000;
export const AGE_MS_MAX = 2 ** 45;
export const COUNT_MAX = Number.MAX_SAFE_INTEGER;
