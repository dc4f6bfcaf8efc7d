import type { RowWriter } from '../../actors/row-writer.ts';
import { closeIntents } from '../../db/intent-store.ts';
import { planWriters } from './plan-writers.ts';
import { reviewWriters } from './review-writers.ts';
import { workWriters } from './work-writers.ts';

/** Every named action of the machines that becomes rows. */
export const rowWriters: readonly RowWriter[] = [
  ...workWriters,
  ...planWriters,
  ...reviewWriters,
  closeIntents,
];
