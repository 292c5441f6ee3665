// Writes policy and facts in every way that the SDK has; prints what came of each: "written", or the error.

import { readFileSync } from 'node:fs';

import { folder, organization, oso, repository, user } from './client.mjs';

// The SDK prints a lost connection before it throws.
console.error = () => {};

const writes = {
  policy: () => oso.policy(readFileSync(process.argv[2], 'utf8')),
  batch: () =>
    oso.batch((tx) => {
      tx.insert(['has_role', user('ann'), 'admin', organization('acme')]);
      tx.insert(['has_role', user('bo'), 'member', organization('acme')]);
      tx.insert(['has_role', user('zoë 🦉'), 'reader', repository('docs/αβγ')]);
      tx.insert(['has_role', user('eve'), 'auditor']);
      tx.insert(['has_role', user('leaver'), 'admin', organization('acme')]);
      for (const name of ['web', 'api', 'old']) {
        tx.insert(['has_relation', repository(name), 'organization', organization('acme')]);
      }
      tx.insert(['has_relation', folder('web/1'), 'repository', repository('web')]);
      for (let n = 2; n <= 6; n++) {
        tx.insert(['has_relation', folder(`web/${n}`), 'parent', folder(`web/${n - 1}`)]);
      }
      tx.insert(['is_archived', repository('old')]);
      tx.insert(['is_public', repository('handbook')]);
      tx.insert(['seats', organization('acme'), 250, true]);
      tx.insert(['seats', organization('tiny'), 3, false]);
      // Later changes of a batch see the earlier ones.
      tx.delete(['has_role', user('leaver'), null, null]);
    }),
  insert: () => oso.insert(['has_role', user('cy'), 'writer', repository('web')]),
  insert_wrong: () => oso.insert(['has_role', user('cy'), 'writer', repository('api')]),
  delete: () => oso.delete(['has_role', user('cy'), 'writer', { type: 'Repository', id: 'api' }]),
};

const outcomes = {};
for (const [name, write] of Object.entries(writes)) {
  try {
    await write();
    outcomes[name] = 'written';
  } catch (error) {
    outcomes[name] = error.message;
  }
}
console.log(JSON.stringify(outcomes));
