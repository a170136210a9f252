import { describe, expect, it } from 'vitest';
import { maskOf } from '../../cli/mask.js';

const mask = maskOf(
  {
    my_api_key: 'from-the-environment',
    DB_PASS: 'from-another-variable',
    MAX_TOKENS: '1024',
    PWD: '/here/it/is',
  },
  [],
);
const lines = (text: string, file: string): string[] => mask(text, [file]).split('\n');

describe('secrets in the difference of a file', () => {
  it.each([
    ['a.yaml', 'password: hunter2hunter2', 'password: ***'],
    ['a.yaml', '+  db_password: correct horse battery', '+  db_password: ***'],
    ['a.ini', 'aws_secret_access_key = abcdefgh/ijklmnop', 'aws_secret_access_key = ***'],
    ['a.toml', 'accessToken = "abcdefghijkl"', 'accessToken = "***"'],
    ['Dockerfile', 'ENV api_key=abcdefghij', 'ENV api_key=***'],
    ['run.sh', 'train --api-key abcdefghij', 'train --api-key ***'],
    ['a.py', 'api_key: str = "abcdefghij"', 'api_key: str = "***"'],
    ['a.py', "os.environ['hf_token'] = 'abcdefghij'", "os.environ['hf_token'] = '***'"],
    ['a.py', 'headers.setdefault("x-api-key", "abcdefghij")', 'headers.setdefault("x-api-key", "***")'],
    ['a.md', 'token: abcdefgh12 is what I use', 'token: *** is what I use'],
    ['a.ts', 'const secret = abcdefgh12;', 'const secret = ***;'],
    ['a.ipynb', '"client(api_key=\\"abcdefghij\\")"', '"client(api_key=\\"***")"'],
    ['a.yaml', 'secret_key: abcdefghij', 'secret_key: ***'],
    ['a.json', '"secretKey": "abcdefghij"', '"secretKey": "***"'],
    ['a.yaml', 'db_password_prod: abcdefghij', 'db_password_prod: ***'],
    ['a.yaml', 'pwd: abcdefghij', 'pwd: ***'],
    ['a.env', 'DB_PASS=abcdefghij', 'DB_PASS=***'],
    ['a.txt', 'and from-another-variable', 'and ***'],
    ['a.txt', 'https://me:abc@example.org/x', 'https://me:***@example.org/x'],
    ['a.txt', 'Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
    ['a.txt', 'it is from-the-environment', 'it is ***'],
  ])('%s: %s', (file, text, shown) => {
    expect(lines(`+${text}\n rest\n`, file)).toEqual([`+${shown}`, ' rest', '']);
  });

  it.each([
    ['a.py', 'next_token = sample(logits, 12345678)'],
    ['a.py', 'token = tokens[position_12345]'],
    ['a.yaml', 'compass: northwest'],
    ['a.txt', 'cd /here/it/is'],
    ['a.py', 'password = arguments.password'],
    ['a.py', 'tokenizer = AutoTokenizer(12345678)'],
    ['a.py', 'num_tokens = 123456789012'],
    ['a.yaml', 'api_key: ${SERVICE_API_KEY}'],
    ['a.yaml', 'pad_token: <|endoftext|>'],
    ['a.yaml', 'token: $params.token'],
    ['a.md', 'A token: the smallest piece of text.'],
  ])('are not what refers to one, or is none: %s: %s', (file, text) => {
    expect(lines(`+${text}\n`, file)).toEqual([`+${text}`, '']);
  });
});

it.each([
  ['that has none', []],
  ['of a secret file', ['deep/.env']],
  ['of what a secret file was renamed to', ['.env', 'notes.txt']],
])('the difference of a file %s is left out, and its head is masked', (_, files) => {
  expect(mask('a from-the-environment\n+anything\n', files)).toBe(
    'a ***\n[left out: by its name it holds secrets]\n',
  );
});
