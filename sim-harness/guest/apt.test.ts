import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mirrorIn } from './apt.ts';

const OWN = 'http://mirror.example/debian';
const SECURITY = 'http://mirror.example/debian-security/ bookworm-security main Debian';

test('a guest is made from the mirror that apt takes its release from', () => {
  const targets = `https://deb.example/x nodistro main .\n${SECURITY}\n${OWN}/ bookworm main Debian\n`;
  assert.is(mirrorIn(targets, 'bookworm'), OWN);
});

test('where apt has no mirror of the release that others can use, it is made from that of Debian', () => {
  for (const targets of [
    '',
    SECURITY,
    `${OWN} trixie main Debian`,
    `${OWN} bookworm contrib Debian`,
    `${OWN} bookworm main Other`,
    'mirror+file:/etc/apt/mirrors.list bookworm main Debian',
  ])
    assert.is(mirrorIn(targets, 'bookworm'), 'http://deb.debian.org/debian', targets);
});

test.run();
