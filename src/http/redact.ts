/** Anything that looks like one of our tokens, wherever it stands. */
const TOKEN_LIKE = /sbx_[A-Za-z0-9_-]+/g;
/** Query parameters that carry secrets: the inspect ticket, and tokens that should not be there at all. */
const SECRET_PARAMETERS = /([?&](?:ticket|token|access_token|api_key|password|authorization)=)[^&#]*/gi;
/** Percent-encoded names would slip past the words above: such an address is logged without its query. */
const ENCODED_NAME = /[?&][^=&#]*%[^=&#]*=/;

/** An address as it may stand in a log. */
export function redactUrl(url: string): string {
  const plain = ENCODED_NAME.test(url) ? `${url.slice(0, url.indexOf('?'))}?[cut]` : url;
  return redactTokens(plain.replace(SECRET_PARAMETERS, '$1[cut]'));
}

export function redactTokens(text: string): string {
  return text.replace(TOKEN_LIKE, 'sbx_[cut]');
}
