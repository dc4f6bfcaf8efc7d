export type EmbeddedRefusalCode =
  | 'postgres_not_installed'
  | 'postgres_data_missing'
  | 'postgres_data_unreachable'
  | 'postgres_other_version'
  | 'postgres_did_not_start'
  | 'data_folder_in_use'
  | 'folder_unusable';

/** The embedded server can not be had as things are; the message says what happened and what to do. */
export class EmbeddedRefusal extends Error {
  override readonly name = 'EmbeddedRefusal';
  readonly code: EmbeddedRefusalCode;

  constructor(code: EmbeddedRefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
