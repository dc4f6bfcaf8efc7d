/** Where the reference page is, and everything below it. */
export const REFERENCE_PATH = '/v1/reference';
