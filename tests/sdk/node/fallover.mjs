// Makes every call that the SDK may send on to its fallback, and one that it may not; prints what the application gets.

import { Oso, typedVar } from 'oso-cloud';

const { UNDERSTUDY_URL: url, UNDERSTUDY_FALLBACK_URL: fallbackUrl, UNDERSTUDY_KEY: key } = process.env;
const { UNDERSTUDY_BINDINGS: dataBindings, UNDERSTUDY_TIMEOUT_MS: timeout } = process.env;

// The SDK prints a lost connection before it throws.
console.error = () => {};

const options = { dataBindings };
if (fallbackUrl) options.fallbackUrl = fallbackUrl;
if (timeout) options.fetchTimeoutMillis = Number(timeout);
const oso = new Oso(url, key, options);

const [ann, web] = [{ type: 'User', id: 'ann' }, { type: 'Repo', id: 'web' }];
const query = () => oso.buildQuery(['allow', ann, 'read', web]);
const repo = typedVar('Repo');

const calls = {
  authorize: () => oso.authorize(ann, 'read', web),
  list: () => oso.list(ann, 'read', 'Repo'),
  actions: () => oso.actions(ann, web),
  evaluate_query: () => query().evaluate(),
  facts: () => oso.get(['has_role', null, null, null]),
  policy_metadata: () => oso.getPolicyMetadata(),
  authorize_query: () => oso.authorizeLocal(ann, 'read', web),
  list_query: () => oso.listLocal(ann, 'read', 'Repo', 'id'),
  actions_query: () => oso.actionsLocal(ann, web),
  evaluate_query_local: () => oso.buildQuery(['allow', ann, 'read', repo]).evaluateLocalSelect({ id: repo }),
  batch: () => oso.insert(['has_role', ann, 'reader', web]),
};

// Some never come to an end: the process has nothing left to wait for, and the call is still open.
const outcomes = {};
process.on('exit', () => console.log(JSON.stringify(outcomes)));
for (const [name, call] of Object.entries(calls)) {
  outcomes[name] = { error: 'it never settles' };
  call().then(
    (answer) => (outcomes[name] = { answer }),
    (error) => (outcomes[name] = { error: error.message }),
  );
}
