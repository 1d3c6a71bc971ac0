/**
 * Makes a fresh clone able to run: Debian packages, npm packages, compiled TypeScript, native parts, guest image.
 * No dependencies of its own; a second run only looks. What it cannot do (no root, no apt) it prints as the exact
 * command and goes on with the rest.
 * usage: node scripts/bootstrap.mjs [--quiet]   (--quiet: only what takes time or goes wrong)
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const QUIET = process.argv.includes('--quiet');
const NODE_MIN = [20, 19];
/** Progress is printed for whatever takes longer than this. */
const PATIENCE_MS = 2000;

/** Package, and the file that proves it is there (dpkg may be absent on other systems). */
const PACKAGES = [
  ['qemu-system-x86', '/usr/bin/qemu-system-x86_64'],
  ['qemu-utils', '/usr/bin/qemu-img'],
  ['busybox-static', '/bin/busybox'],
  ['iproute2', '/usr/sbin/ip'],
  ['ethtool', '/usr/sbin/ethtool'],
  ['nftables', '/usr/sbin/nft'],
  ['iperf3', '/usr/bin/iperf3'],
  ['cpio', '/usr/bin/cpio'],
  ['e2fsprogs', '/usr/sbin/mkfs.ext4'],
  ['debootstrap', '/usr/sbin/debootstrap'],
  ['util-linux', '/usr/bin/taskset'],
  ['gcc', '/usr/bin/cc'],
  ['spin', '/usr/bin/spin'],
  ['libc6-dev', '/usr/include/stdio.h'],
  // Clients that are not ours, and what they need: they hold the double of Intel AMT to reality.
  ['curl', '/usr/bin/curl'],
  ['wget', '/usr/bin/wget'],
  ['wsl', '/usr/bin/wslinvoke'],
  ['uuid-runtime', '/usr/bin/uuidgen'],
  ['libxml2-utils', '/usr/bin/xmllint'],
  ['openssl', '/usr/bin/openssl'],
];

const say = text => process.stderr.write(`${text}\n`);
let trouble = false;

/** Runs a command; its output is shown only when it fails. Resolves to true when it exited 0. */
function step(label, command, args, env = {}) {
  return new Promise(resolve => {
    const startMs = Date.now();
    let output = '';
    let told = !QUIET;
    if (told) say(`· ${label}`);
    const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env } });
    const seconds = () => Math.round((Date.now() - startMs) / 1000);
    const timer = setInterval(() => {
      if (Date.now() - startMs < PATIENCE_MS) return;
      if (!told) say(`· ${label}`);
      else if (seconds() % 10 === 0) say(`  … ${seconds()} s`);
      told = true;
    }, 1000);
    const done = ok => {
      clearInterval(timer);
      if (!ok) {
        trouble = true;
        say(`✗ ${label} failed: ${command} ${args.join(' ')}\n${output.split('\n').slice(-30).join('\n')}`);
      } else if (told) say(`✓ ${label} (${seconds()} s)`);
      resolve(ok);
    };
    child.stdout.on('data', data => (output += data));
    child.stderr.on('data', data => (output += data));
    child.on('error', error => {
      output += String(error);
      done(false);
    });
    child.on('close', code => done(code === 0));
  });
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  say(`✗ Node ${process.versions.node} is too old: Shoal needs ${NODE_MIN.join('.')} or newer`);
  process.exit(1);
}

async function debianPackages() {
  const missing = PACKAGES.filter(([, proof]) => !existsSync(proof)).map(([name]) => name);
  if (missing.length === 0) return;
  const install = ['install', '-y', '--no-install-recommends', ...missing];
  const apt = spawnSync('apt-get', ['--version']).status === 0;
  if (!apt || process.getuid() !== 0) {
    say(`! missing: ${missing.join(', ')}. Run as root: apt-get update && apt-get ${install.join(' ')}`);
    return;
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await step('apt-get update', 'apt-get', ['update'], env);
  await step(`installing ${missing.join(', ')}`, 'apt-get', install, env);
}

/** Runs `make` only when `inputs` (file contents) differ from those of the last success. */
async function whenChanged(name, inputs, proof, make) {
  const stampFile = join(ROOT, '.cache', `bootstrap-${name}`);
  const hash = createHash('sha256');
  for (const file of inputs) hash.update(readFileSync(join(ROOT, file)));
  const stamp = hash.digest('hex');
  const same = existsSync(proof) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (same) return true;
  if (!(await make())) return false;
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
  return true;
}

async function npmPackages() {
  return whenChanged('npm', ['package-lock.json'], join(ROOT, 'node_modules'), () =>
    step('npm ci', 'npm', ['ci', '--no-audit', '--no-fund']),
  );
}

async function nativeParts() {
  if (spawnSync('cargo', ['--version']).status !== 0) {
    say(
      '! cargo is missing: the page server cannot be built. Install Rust (https://rustup.rs) and run this again',
    );
    trouble = true;
    return;
  }
  const manifest = join('agent', 'native', 'Cargo.toml');
  await step('cargo build (page server, preload, micro guest)', 'cargo', [
    'build',
    '--release',
    '--manifest-path',
    manifest,
  ]);
}

checkNode();
await debianPackages();
if (!(await npmPackages())) process.exit(1);
const [typescript] = await Promise.all([
  step('tsc -b', process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-b']),
  nativeParts(),
]);
if (typescript)
  await step('guest kernel and initramfs', process.execPath, ['sim-harness/dist/guest/main.js']);
process.exit(trouble ? 1 : 0);
