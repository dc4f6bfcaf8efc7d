/**
 * The tree without any file: what a root commit is compared with. Git knows it without having it stored. `like` is any id of the
 * repository, because ids of both lengths exist.
 */
export function emptyTree(like: string): string {
  return like.length === 64
    ? '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321'
    : '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
}
