export class GitRunner {}
