/** Settings of the service, of PostgreSQL's clients and of the ORM: what could lead the demo or a test to somebody's real database. */
function isSetting(name) {
  return name === 'DATABASE_URL' || /^(SIGNALBOX_|PG|MIKRO_ORM_)/.test(name);
}

/** The environment for `npm run demo` and `npm test`: nothing from outside reaches them but, for tests, the server that is named for tests. */
export function scrubbedEnvironment(env, keep) {
  const scrubbed = {};
  for (const name of Object.keys(env)) {
    if (!isSetting(name) || keep.indexOf(name) !== -1) scrubbed[name] = env[name];
  }
  return scrubbed;
}
