import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { authorization, parseChallenge } from './digest.ts';

const part = (header: string, name: string): string =>
  new RegExp(`${name}="?([^",]*)"?`).exec(header)?.[1] ?? '';

test('the example of RFC 2617, section 3.5, comes out as it stands there', () => {
  const challenge = parseChallenge(
    'Digest realm="testrealm@host.com", qop="auth", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  );
  assert.ok(challenge);
  const header = authorization(
    challenge,
    { method: 'GET', uri: '/dir/index.html', body: '' },
    { username: 'Mufasa', password: 'Circle Of Life' },
    1,
    '0a4f113b',
  );
  assert.is(part(header, 'response'), '6629fae49393a05397450978507c4ef1');
  assert.is(part(header, 'nc'), '00000001');
  assert.is(part(header, 'opaque'), '5ccc069c403ebaf9f0171e9517f40e41');
});

test('what AMT 15 sends is understood, and what AMT 14 and newer send, with a space in its list, by its stronger word', () => {
  const old = parseChallenge(
    'Digest realm="Digest:34BF4B5A0561F95248F58509A406E046", nonce="bQali2IAAAAAAAAAn0xaWCOcxNsRcEHX",stale="false",qop="auth"',
  );
  assert.equal(old, {
    ...{ realm: 'Digest:34BF4B5A0561F95248F58509A406E046', nonce: 'bQali2IAAAAAAAAAn0xaWCOcxNsRcEHX' },
    ...{ opaque: '', isStale: false, qop: 'auth' },
  });
  assert.is(parseChallenge('Digest realm="r",nonce="n",qop="auth-int, auth"')?.qop, 'auth-int');
});

test('with auth-int another body is another answer', () => {
  const challenge = parseChallenge('Digest realm="r",nonce="n",qop="auth-int"');
  assert.ok(challenge);
  const answer = (body: string) =>
    part(
      authorization(
        challenge,
        { method: 'POST', uri: '/wsman', body },
        { username: 'admin', password: 'p' },
        1,
        'c',
      ),
      'response',
    );
  assert.is.not(answer('a'), answer('b'));
});

test('commas and quotes within a value are its own', () => {
  const challenge = parseChallenge('Digest realm="a, \\"b\\"", nonce="n,m", stale=TRUE, qop="auth"');
  assert.is(challenge?.realm, 'a, "b"');
  assert.is(challenge?.nonce, 'n,m');
  assert.is(challenge?.isStale, true);
});

test('a challenge that does not protect the request is refused: no qop, another hash, basic', () => {
  for (const header of [
    'Digest realm="r", nonce="n"',
    'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256',
    'Digest nonce="n", qop="auth"',
    'Basic realm="r"',
    '',
  ])
    assert.is(parseChallenge(header), undefined, header);
});

test.run();
