// The client as an application makes it: `UNDERSTUDY_URL` is the primary, `UNDERSTUDY_FALLBACK_URL` the node.

import { Oso } from 'oso-cloud';

const { UNDERSTUDY_URL: url, UNDERSTUDY_FALLBACK_URL: fallbackUrl, UNDERSTUDY_KEY: key } = process.env;

export const oso = new Oso(url, key, fallbackUrl === undefined ? {} : { fallbackUrl });

export const user = (id) => ({ type: 'User', id });
export const organization = (id) => ({ type: 'Organization', id });
export const repository = (id) => ({ type: 'Repository', id });
export const folder = (id) => ({ type: 'Folder', id });
