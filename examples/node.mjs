// Sends a campaign over HTTP with Node 18 or newer, and nothing else.
//   BULKPOST_URL=http://127.0.0.1:8000 BULKPOST_KEY=bp_... node examples/node.mjs

import { randomUUID } from "node:crypto";
import process from "node:process";

const { BULKPOST_URL: url, BULKPOST_KEY: key } = process.env;
if (!url || !key) throw new Error("set BULKPOST_URL and BULKPOST_KEY");

async function call(method, path, { body, type = "application/json", headers = {} } = {}) {
  const answer = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body && { "Content-Type": type }), ...headers },
    body,
    signal: AbortSignal.timeout(30_000),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail); // one sentence: what, where, which value, how to mend it
  return told;
}

const content = { sender: "Shop", text: "Hello {name}" };

// The same Idempotency-Key in every try: the campaign is made once, however often this has to be sent.
const campaign = JSON.stringify({
  content,
  recipients: [{ phone: "+7 903 000-00-01", ref: "order 17", variables: { name: "Anna" } }],
});
const headers = { "Idempotency-Key": randomUUID() };
const first = await call("POST", "/v1/campaigns", { body: campaign, headers });
const again = await call("POST", "/v1/campaigns", { body: campaign, headers });
console.log(`campaign ${first.id} is created, and once: ${first.id === again.id}`);

// A long list is uploaded into a draft: a recipient as JSON in every line.
const draft = await call("POST", "/v1/campaigns", { body: JSON.stringify({ content }) });
const lines = Array.from({ length: 1000 }, (_, n) =>
  JSON.stringify({ phone: String(79030000000 + n), variables: { name: `N${n}` } }),
).join("\n");
const filled = await call("POST", `/v1/campaigns/${draft.id}/recipients`, { body: lines, type: "application/x-ndjson" });
console.log(`campaign ${draft.id} has ${filled.counts.total} recipients`);
await call("POST", `/v1/campaigns/${draft.id}/start`);

for (let after = 0; after !== null; ) {
  const page = await call("GET", `/v1/campaigns/${draft.id}/results?after=${after}&limit=400`);
  console.log(`${page.results.length} results`);
  after = page.next;
}
