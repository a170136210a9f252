/** Credentials in addresses, which no message may show. */

/** An address without all that stands before its last `@`, scheme apart: where it can't be parsed, a password holds anything. */
export const withoutLogin = (address: string): string =>
  address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1');

/** A line of a file with the logins of its addresses as stars, so that all else stays in its column. */
export const starredLogins = (line: string): string =>
  line.replace(/(?<=:\/\/)\S+(?=@)/g, (login) => '*'.repeat(login.length));
