import type { TestProject } from 'vitest/node';
import { installReleases } from './installed-releases.ts';
import type { Release } from './release.ts';

declare module 'vitest' {
  interface ProvidedContext {
    releases: Release[];
  }
}

export default async function setup(project: TestProject): Promise<void> {
  project.provide('releases', await installReleases());
}
