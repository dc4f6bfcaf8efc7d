import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'Agent',
  tableName: 'agent',
  properties: {
    id: p.uuid().primary(),
    tokenId: p.uuid().name('token_id'),
    name: p.text(),
    capabilities: p.array().columnType('text[]').$type<string[]>(),
    lastSeenAt: p.datetime().name('last_seen_at').nullable(),
    createdAt: p.datetime().name('created_at').defaultRaw('db_now()'),
  },
});

/** A program or person that does tasks; it belongs to the token that registered it. */
export class Agent extends schema.class {}
schema.setClass(Agent);
