/** Where things are when nobody says otherwise; the same as in the agent's configuration and `shoald --config`. */
export const DEFAULT_SOCKET = '/run/shoal/shoald.sock';
export const DEFAULT_CONFIG = '/etc/shoal/shoal.yaml';
/** Where the operator's own machine has the key; a node has none. */
export const DEFAULT_OPERATOR_KEY = '/etc/shoal/operator.key';
