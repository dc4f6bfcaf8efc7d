/** Where the reference page is, and everything below it. */
export const REFERENCE_PATH = '/v1/reference';
/** The one address that a WebSocket opens. */
export const INSPECT_PATH = '/v1/inspect';
