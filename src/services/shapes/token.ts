import { z } from 'zod';
import { textSchema } from '../../machines/payloads.ts';

export const scopeSchema = z.enum(['admin', 'operator', 'reviewer', 'agent', 'viewer']);
export type Scope = z.infer<typeof scopeSchema>;

/** Who asks. `principal` is how the journal names it: `token:<id>`. */
export interface Principal {
  readonly tokenId: string;
  readonly name: string;
  readonly scope: Scope;
}

export const newTokenSchema = z.strictObject({ name: textSchema(100).min(1), scope: scopeSchema });
export type NewToken = z.infer<typeof newTokenSchema>;

export const tokenSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  scope: scopeSchema,
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable(),
});
export type TokenView = z.infer<typeof tokenSchema>;

/** A token is shown once; a repeated request is answered with null, because only the hash is kept. */
export const issuedTokenSchema = tokenSchema.extend({ token: z.string().nullable() });
export type IssuedToken = z.infer<typeof issuedTokenSchema>;
