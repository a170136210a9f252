/** Text for people: no control characters, durations that read, aligned columns. */

// Escape sequences (CSI, OSC and two-character ones), then every control character but newline and tab.
const escapes = new RegExp(
  '\\u001b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?|[@-Z\\\\-_])',
  'g',
);
const controls = new RegExp('[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]', 'g');

/** Strips what could move the cursor, change colours or write to the clipboard of a reader's terminal. */
export function clean(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(escapes, '').replace(controls, '');
}

/** One line of at most `width` characters. */
export function oneLine(text: string, width = 200): string {
  return clip(clean(text).replace(/\s+/g, ' ').trim(), width);
}

/** Cuts a line that is longer than `width` characters. */
export function clip(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 3))}...`;
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How long yet: `about 3 min 20 s left`; `more than ...` where some of it was never measured. */
export function timeLeft({
  seconds,
  unknown,
}: {
  readonly seconds: number;
  readonly unknown: number;
}): string {
  if (unknown > 0 && seconds === 0) return 'time left: not known yet';
  if (seconds < 0.05) return 'longer than expected';
  return `${unknown > 0 ? 'more than' : 'about'} ${duration(seconds)} left`;
}

/** `$0.04`, `$12.50`. */
export function dollars(amount: number): string {
  return `$${amount.toFixed(amount > 0 && amount < 0.01 ? 4 : 2)}`;
}

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 2 ** (10 * power);
  return `${power === 0 ? value : value.toFixed(1)} ${units[power] ?? 'B'}`;
}

/** `1 cell`, `3 cells`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Columns padded to their widest entry; the last one is left as it is. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((text, i) => (widths[i] = Math.max(widths[i] ?? 0, text.length)));
  }
  return rows.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
