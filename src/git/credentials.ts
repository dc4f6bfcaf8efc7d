/** Removes user names and passwords from URLs in text that may end in a log, an answer or the journal. */
export function scrubCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1***@');
}
