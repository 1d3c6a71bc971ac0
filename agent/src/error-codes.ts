/**
 * Every error that Shoal tells people, by its stable code `SHOAL_<AREA>_<WHAT>`: what it means, what to do, and the
 * status that HTTP answers with. `docs/errors.md` is printed from this table; a test holds both to the sources.
 */
export type ErrorCode = { status: number; meaning: string; todo: string };

const row = (status: number, meaning: string, todo: string): ErrorCode => ({ status, meaning, todo });

export const ERROR_CODES: Readonly<Record<string, ErrorCode>> = {
  // The configuration and the start of an agent.
  SHOAL_CONFIG_FILE: row(500, 'The configuration cannot be read', 'Write it, or name another with --config'),
  SHOAL_CONFIG_YAML: row(500, 'The configuration is not YAML', 'Mend the lines that are named'),
  SHOAL_CONFIG_INVALID: row(500, 'The configuration has faults; all are listed', 'Mend each as it says'),
  SHOAL_CONFIG_CGROUP: row(
    500,
    'A configured cgroup is none',
    'Name a v1 cpuacct or v2 directory, or set cpu.source: host',
  ),
  SHOAL_IDENTITY: row(
    500,
    'The key of the node or operator cannot be read or made',
    'Check the file that is named and who owns it',
  ),
  SHOAL_STORE_LOCKED: row(
    500,
    'Another agent uses this state directory',
    'Stop it, or give each its own node.stateDir',
  ),
  SHOAL_STORE_OPEN: row(500, 'The database does not open', 'Check the directory and the free space'),
  SHOAL_MESH_LISTEN: row(500, 'The mesh cannot listen', 'Check mesh.listen, and who has the port'),
  SHOAL_MESH_ADDRESS: row(500, 'An address is no multiaddr', 'Write it like /ip4/198.18.0.2/tcp/7420'),
  SHOAL_MESH_PEER: row(500, 'A peer id is none', 'Copy it from `shoald --init` on that node'),
  SHOAL_HTTP_LISTEN: row(500, 'HTTP cannot listen', 'Check http.listen, and who has the port'),
  SHOAL_HTTPS_CERTIFICATE: row(
    500,
    'The certificate of HTTPS cannot be used',
    'Check http.certificate and http.key; a node without them makes its own',
  ),
  SHOAL_CONTROL_SOCKET: row(
    500,
    'The unix socket cannot be made',
    'Check control.socket; stop the other agent',
  ),
  SHOAL_CONTROL_GROUP: row(500, 'control.group is no group of this machine', 'Create it, or name another'),

  // Requests.
  SHOAL_HTTP_NEEDS_SOCKET: row(
    403,
    'Changes are not offered over plain HTTP, consoles not off the node',
    'Use the unix socket on the node, or HTTPS with a token',
  ),
  SHOAL_HTTP_UNAUTHORIZED: row(
    401,
    'No token, or none that is known on this node',
    'Send `authorization: Bearer …`; see `shoal token list`',
  ),
  SHOAL_HTTP_FORBIDDEN: row(403, "The token's role does not suffice", 'Ask with a token of a higher role'),
  SHOAL_HTTP_RATE: row(429, 'Too many wrong tokens, or too many changes', 'Wait as long as is told'),
  SHOAL_HTTP_NOT_FOUND: row(404, 'There is nothing at this path', 'See the list of paths'),
  SHOAL_HTTP_METHOD: row(405, 'The path does not take that method', 'Use one of those that are named'),
  SHOAL_HTTP_REQUEST: row(400, 'A parameter or field of the request is wrong', 'Mend what is named'),
  SHOAL_HTTP_BODY: row(400, 'The body is neither JSON nor YAML, or empty', 'Send one document'),
  SHOAL_HTTP_BODY_TOO_LARGE: row(413, 'The body is too large', 'Send less'),
  SHOAL_HTTP_MEDIA_TYPE: row(
    415,
    'The body has a type that is not read',
    'Send application/json or application/yaml',
  ),
  SHOAL_TOKEN_UNKNOWN: row(404, 'This node has no such token', 'See `shoal token list`'),
  SHOAL_TOKEN_KNOWN: row(409, 'This node has that token already', 'Nothing is to be done'),
  SHOAL_TOKEN_RECORD: row(400, 'The record of a token is none', 'Copy the whole line'),
  SHOAL_TOKEN_MANY: row(409, 'The node knows too many tokens', 'Revoke those that nobody uses'),
  SHOAL_AUDIT: row(500, 'The audit log cannot be written; nothing was done', 'Check the free space'),
  SHOAL_INTERNAL: row(500, 'The agent failed inside: our fault', "Read the agent's log and report it"),

  // VMs and nodes.
  SHOAL_VM_UNKNOWN: row(404, 'No VM has that name', 'See `shoal vms`'),
  SHOAL_VM_ELSEWHERE: row(
    409,
    'The VM is on another node, and only its node may change it',
    'Ask there, or with a token that both nodes know',
  ),
  SHOAL_FORWARD_LOST: row(
    504,
    'The node with the VM did not answer; it may have done it',
    'See `shoal audit` on that node',
  ),
  SHOAL_FORWARD_REFUSED: row(
    502,
    'The node with the VM refused it, for a reason that is not known here',
    'Read what it said',
  ),
  SHOAL_VM_NAME_TAKEN: row(409, 'A VM of that name exists', 'Choose another name, or destroy that VM'),
  SHOAL_VM_SPEC: row(
    422,
    'The spec of the VM has faults, or this node may not run it',
    'Mend it and run it again',
  ),
  SHOAL_VM_RUNS: row(409, 'The VM runs already', 'Nothing is to be done'),
  SHOAL_VM_NOT_RUNNING: row(409, 'The VM does not run', 'Start it, or wait until it runs'),
  SHOAL_VM_FIXED: row(409, 'The spec forbids moves (migration: never)', 'Change the spec, or leave it'),
  SHOAL_VM_MOVING: row(409, 'A handoff of the VM is running', 'Wait for its end, or cancel it'),
  SHOAL_VM_BUSY: row(409, 'Another change of the VM is under way', 'Wait for its end'),
  SHOAL_VM_SETTLED: row(409, 'No handoff of the VM is running', 'Nothing is to be done'),
  SHOAL_RESOLVE_REFUSED: row(
    409,
    'That word could let the VM run twice, or ends nothing here',
    'See `shoal resolve` without a word',
  ),
  SHOAL_RESOLVE_UNWRITTEN: row(
    503,
    "An operator's word is not on the disk yet",
    'It is tried again; check the free space',
  ),
  SHOAL_VM_ENGINE: row(409, 'The VM may not be moved by that engine', 'Name another engine, or none'),
  SHOAL_NODE_UNKNOWN: row(404, 'No node has that name', 'See `shoal nodes`'),
  SHOAL_NODE_SAME: row(409, 'The VM is on that node already', 'Nothing is to be done'),
  SHOAL_NODE_SILENT: row(409, 'That node is not awake', 'See `shoal nodes`'),
  SHOAL_NODE_FULL: row(409, 'There is no room for the VM', 'Choose another node, or less memory'),
  SHOAL_NO_TARGET: row(409, 'No awake peer has room for the VM', 'See `shoal nodes`'),
  SHOAL_UNKNOWN_SUBJECT: row(404, 'No VM and no node has that name', 'See `shoal vms` and `shoal nodes`'),
  SHOAL_HANDOFF_UNKNOWN: row(
    404,
    'This node takes no part in such a handoff',
    'Ask on its source or its target',
  ),
  SHOAL_OFFER_REFUSED: row(
    409,
    'The target refused the VM',
    'See `shoal explain` there, or choose another node',
  ),
  SHOAL_PAUSE_TTL: row(
    400,
    'A pause is too long or no time at all',
    'Give a shorter time; it can be renewed',
  ),
  SHOAL_REGISTER_DENIED: row(
    403,
    'The key that signed may not write that',
    'Sign with an operator key that stands in mesh.operators of this node',
  ),
  SHOAL_REGISTER_FORGED: row(400, 'The signature was not made by that author', 'Sign it again'),
  SHOAL_REGISTER_OLD: row(409, 'Something newer was written meanwhile', 'Look again, and write anew'),
  SHOAL_REGISTER_FULL: row(409, 'No more keys of that owner are kept', 'Withdraw some'),
  SHOAL_POLICY_NUMBERS: row(422, "The rule's numbers have faults", 'Mend what is named; see `shoal policy`'),
  SHOAL_MEMBER_UNKNOWN: row(404, 'No member has that name or id', 'See `shoal members`'),
  SHOAL_PAUSED_ELSEWHERE: row(409, 'Another node still pauses the mesh', 'Resume there too'),

  // Sleep and wake.
  SHOAL_SLEPT: row(
    503,
    'The machine has just slept: what was asked before is not done now',
    'Ask again in a moment',
  ),
  SHOAL_SLEEP_DRIVER: row(
    409,
    'This machine cannot be suspended so',
    'Mend what is named, or choose another power.suspend.driver',
  ),
  SHOAL_SLEEP_BUSY: row(
    409,
    'The node has VMs, or is about to sleep already',
    'Move its VMs first; see `shoal nodes`',
  ),
  SHOAL_WAKE_AWAKE: row(409, 'The node does not sleep', 'See `shoal nodes`'),
  SHOAL_WAKE_BUSY: row(
    429,
    'The node is being called, or too many calls have just begun',
    'Wait a few seconds',
  ),
  SHOAL_WAKE_COMMAND: row(502, 'The program that wakes a node failed', 'Run it by hand on that node'),
  SHOAL_WAKE_WOL: row(502, 'A magic packet cannot be sent', 'Check ip and mac of the entry in power.wake'),
  SHOAL_WAKE_LATE: row(504, 'A node was not on in time', 'Look at the machine'),
  SHOAL_AMT_UNREACHABLE: row(
    502,
    'The AMT of a node does not answer',
    'Check its address from another node; a machine without AC power has none',
  ),
  SHOAL_AMT_IMPOSTOR: row(
    502,
    'Another certificate or realm than the one that was enrolled',
    'Look who answers there; enrol it anew if that is right',
  ),
  SHOAL_AMT_PASSWORD: row(
    502,
    'The AMT refuses the user or the password',
    'Mend them, and raise password_version in power.wake',
  ),
  SHOAL_AMT_MARKED: row(
    409,
    'That version of the password was refused before',
    'Mend it, and raise password_version in power.wake',
  ),
  SHOAL_AMT_SECRET: row(
    500,
    'The password of an AMT cannot be used',
    'Check the file or program that is named, and its mode',
  ),
  SHOAL_AMT_ANSWER: row(
    502,
    'What answers is no AMT, or not a whole answer',
    'See which device answers there',
  ),
  SHOAL_AMT_FAULT: row(502, 'The AMT refuses the request', 'See its version'),

  // Between parts.
  SHOAL_PEER_UNKNOWN: row(404, 'The peer is not on the allow-list', 'Add it to mesh.peers'),
  SHOAL_PEER_UNREACHABLE: row(502, 'A message could not be sent in time', 'Check the peer and the link'),
  SHOAL_PEER_BUSY: row(503, 'Too many messages wait for the peer', 'Try again when it answers'),
  SHOAL_FRAME_SIZE: row(500, 'A message to a peer has a wrong size', 'Send less at once'),
  SHOAL_REPORT_TOO_LARGE: row(500, 'The load report is too large', 'Run fewer VMs on this node'),
  SHOAL_VMM_GONE: row(502, 'The VMM has ended', "Read the VM's log"),
  SHOAL_VMM_REFUSED: row(502, 'The VMM refused a command', 'Read what it said'),
  SHOAL_VMM_SILENT: row(504, 'The VMM does not answer', "Read the VM's log; see whether it waits for a page"),
  SHOAL_VMM_UNKNOWN: row(
    502,
    'Whether the VMM of a VM lives cannot be told',
    'Mend what the error names, and start the agent again',
  ),
  SHOAL_VMM_START: row(502, 'The VMM did not start', "Read the VM's log, whose last line is named"),
  SHOAL_VM_NIC: row(502, 'A network card of the VM could not be made', 'Check the bridge and the rights'),
  SHOAL_PAGES_START: row(502, 'The page server did not start', 'Read its log; see `shoal doctor`'),
  SHOAL_PAGES_GONE: row(502, 'The page server has ended', 'Read its log'),
  SHOAL_PAGES_REFUSED: row(502, 'The page server refused a command', 'Read what it said'),
  SHOAL_PAGES_SILENT: row(504, 'The page server does not answer', 'Read its log'),

  // The command line.
  SHOAL_CLI_UNREACHABLE: row(
    503,
    'No agent answers there',
    'See `systemctl status shoald`, or name another --socket or --node',
  ),
  SHOAL_CLI_NEEDS_SOCKET: row(
    403,
    'Changes need the unix socket or HTTPS, consoles the unix socket',
    'Run it on that node, without --node; or name it by https:// with --token-file',
  ),
  SHOAL_CLI_TOKEN_FILE: row(400, 'The token file holds no token, or others may read it', 'Mend the file'),
  SHOAL_CLI_FINGERPRINT: row(
    502,
    'The certificate of that node is not the one that is pinned, or nobody vouches for it',
    'Compare with `shoal status` on that node',
  ),
  SHOAL_CLI_ANSWER: row(502, 'The answer is no answer of an agent', 'Check what listens there'),
  SHOAL_CLI_SPEC_FILE: row(400, 'The spec file cannot be read, or is no YAML', 'Mend the file'),
  SHOAL_CLI_USAGE: row(400, 'An argument is wrong', 'See --help'),
  SHOAL_CLI_CONSOLE: row(502, 'The console of the VM cannot be reached', 'See whether the VM runs here'),
  SHOAL_CLI_NOT_MOVED: row(
    409,
    'The handoff ended and the VM did not move, or not with all its memory',
    'See the detail that is told',
  ),
  SHOAL_CLI_WAIT: row(504, 'The handoff did not end in the time given', 'See `shoal handoffs`; it goes on'),
};

/** The HTTP status for a code; 500 for one that is not in the table. */
export const statusOf = (code: string): number => ERROR_CODES[code]?.status ?? 500;
