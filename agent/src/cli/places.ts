/** Where things are when nobody says otherwise; the same as in the agent's configuration and `shoald --config`. */
export const DEFAULT_SOCKET = '/run/shoal/shoald.sock';
export const DEFAULT_CONFIG = '/etc/shoal/shoal.yaml';
