/** Text of others on a terminal: control characters, which it would obey, become blanks. Lines stay lines. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ');
}
