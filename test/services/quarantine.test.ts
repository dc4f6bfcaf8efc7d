import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan } from '../support/work.ts';

test('an actor that a message can not be told is set aside, said so, and goes on after a replay', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, {
    start: false,
    projects: [api],
    phases: [{ key: 'build', tasks: ['one'] }],
  });
  const { id } = await work.phase('build');
  // What a defect of a sender would leave behind: a message that no phase declares.
  await service.database.sql.query(
    `INSERT INTO message (id, from_id, to_id, seq, place, root_id, event) VALUES ($1, $2, $3, 1000, 0, $2, $4)`,
    [randomUUID(), work.id, id, JSON.stringify({ type: 'phase.nonsense' })],
  );
  const phase = await until('the phase is set aside', async () => {
    const found = await work.phase('build');
    return found.quarantined === null ? null : found;
  });
  expect(phase.quarantined?.reason).toContain('phase.nonsense');
  const explained = await work.explain('phase', id);
  expect(explained.reasons.map(({ code }) => code)).toContain('quarantined');
  expect(explained.needsYou?.text).toContain('replay');
  expect(explained.moves).toMatchObject([{ kind: 'replay', by: ['admin', 'operator'] }]);
  const refused = await work.refusalOf('phase', id, 'phase.rename', { title: 'Other' });
  expect([refused.status, refused.code]).toEqual([409, 'quarantined']);

  // The others are not harmed.
  await work.tell('initiative', work.id, 'initiative.rename', { title: 'Goes on' });
  const early = await service.refusal('operator', 'POST', `/v1/initiatives/${work.id}/replay`);
  expect([early.status, early.code]).toEqual([409, 'not_quarantined']);

  // No state takes the message, now that it is not held against the phase: it is ignored, and the phase goes on.
  const replayed = await service.post<{ outcome: string; quarantined: unknown }>(
    'operator',
    `/v1/phases/${id}/replay`,
    undefined,
  );
  expect([replayed.outcome, replayed.quarantined]).toEqual(['ignored', null]);
  await work.tell('phase', id, 'phase.rename', { title: 'Goes on' });
  expect((await work.phase('build')).title).toBe('Goes on');
});
