/**
 * The bank itself, in PHP: one program for all pages, and one that fills the accounts. A page is as large as its row in `PAGES` says,
 * out of the account of its user; each of its lines takes the CPU `cost` rounds, so that a page costs in proportion to its size, as
 * the instructions that Rhythm counts for the pages of SPEC do. Who is logged in shows a token that follows from the account's number,
 * so the bank has no sessions to keep. What is posted is one line in a file. Pure.
 */
import { PAGES } from './mix.ts';
import { CHECKS, USERS } from './requests.ts';

/** Rounds of a line; a page stays bounded whatever is asked for. */
const COST_MAX = 10_000;
const ACCOUNTS = '/var/lib/bank/accounts';
export const JOURNAL = '/var/lib/bank/journal';
export const WWW = '/var/lib/bank/www';
/** Of an account: so many lines of so many bytes. */
const LINES = 32;
const LINE_BYTES = 128;
const LINES_PER_KIB = 1024 / LINE_BYTES;

const made = Object.entries(PAGES).filter(([, { embedded }]) => !embedded);
const php = (entries: [string, string | number | boolean][]): string =>
  entries.map(([key, value]) => `'${key}' => ${value}`).join(', ');

export const PAGE_PHP = String.raw`<?php
const LINES = [${php(made.map(([page, { kib }]) => [page, kib * LINES_PER_KIB]))}];
const POSTED = [${php(made.flatMap(([page, { post }]) => (post ? [[page, true]] : [])))}];

function refuse(int $status): never {
    http_response_code($status);
    exit;
}

$page = basename($_SERVER['DOCUMENT_URI']);
$user = filter_var($_GET['user'] ?? '', FILTER_VALIDATE_INT);
$cost = filter_var($_GET['cost'] ?? '', FILTER_VALIDATE_INT);
if (!isset(LINES[$page]) || $user === false || $user < 0 || $user >= ${USERS}) refuse(404);
if ($cost === false || $cost < 0 || $cost > ${COST_MAX}) refuse(400);
$isPosted = isset(POSTED[$page]);
if ($_SERVER['REQUEST_METHOD'] !== ($isPosted ? 'POST' : 'GET')) refuse(405);
$token = substr(hash_hmac('sha256', (string) $user, 'shoal'), 0, 16);
if ($page === 'login') setcookie('bank', $token);
elseif (!hash_equals($token, $_COOKIE['bank'] ?? '')) refuse(403);
if ($isPosted) {
    if (!isset($_POST['amount'], $_POST['to'])) refuse(400);
    $done = time() . " $page $user " . (int) $_POST['amount'] . ' ' . (int) $_POST['to'] . "\n";
    if (file_put_contents('${JOURNAL}', $done, FILE_APPEND | LOCK_EX) === false) refuse(500);
}

$file = fopen('${ACCOUNTS}', 'rb');
fseek($file, $user * ${LINES * LINE_BYTES});
$account = str_split(fread($file, ${LINES * LINE_BYTES}), ${LINE_BYTES});
header('Content-Type: text/html; charset=us-ascii');
$text = str_pad("<!doctype html><title>$page of $user</title><table>", ${LINE_BYTES - 1}) . "\n";
$mark = $user;
for ($i = 2; $i < LINES[$page]; $i++) {
    $line = $account[$i % ${LINES}];
    for ($round = 0; $round < $cost; $round++) $mark = crc32($line . $mark);
    $text .= str_pad(sprintf('<tr><td>%s<td>%08x</tr>', substr($line, 0, 90), $mark), ${LINE_BYTES - 1}) . "\n";
}
echo $text, str_pad('</table>', ${LINE_BYTES - 1}), "\n";
`;

/** The same accounts and pictures in every guest. Last comes what tells that all is there. */
export const FILL_PHP = `<?php
mt_srand(2005);
for ($check = 0; $check < ${CHECKS}; $check++) {
    foreach (['front', 'back'] as $side) {
        $noise = str_repeat(hash('sha512', "$check $side", true), ${PAGES.check_image_front.kib * 16});
        file_put_contents("${WWW}/checks/$check-$side", $noise);
    }
}
$file = fopen('${ACCOUNTS}.new', 'wb');
for ($i = 0; $i < ${USERS * LINES}; $i++) {
    $line = sprintf('2010-%02d-%02d payee %05d %9d.%02d', mt_rand(1, 12), mt_rand(1, 28), mt_rand(0, 99999), mt_rand(1, 9999), mt_rand(0, 99));
    fwrite($file, str_pad($line, ${LINE_BYTES}, '.'));
}
fclose($file);
rename('${ACCOUNTS}.new', '${ACCOUNTS}');
`;
export const FILLED = ACCOUNTS;
