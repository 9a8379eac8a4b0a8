// The official JavaScript library doing the same: `node openai_node.mjs WHAT COUNT BASE_URL`.
// It is looked for where OPENAI_NODE points, a directory with node_modules/openai in it.
import { createRequire } from "node:module";
const OpenAI = createRequire(`${process.env.OPENAI_NODE ?? process.cwd()}/`)("openai");

const messages = [
  { role: "system", content: "You are a helpful assistant." },
  { role: "user", content: "Hello!" },
];
const [what, count, baseURL] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "sk-bench" });
if (what === "chat") {
  for (let i = 0; i < Number(count); i++) {
    const answer = await client.chat.completions.create({ model: "gpt-4.1", messages });
    if (!answer.choices[0].message.content) throw new Error("no content");
  }
} else if (what === "stream") {
  let seen = 0;
  const stream = await client.chat.completions.create({ model: `e${count}`, messages, stream: true });
  for await (const chunk of stream) seen += chunk.choices[0].delta ? 1 : 0;
  if (seen !== Number(count) + 1) throw new Error(`${seen} events`);
} else {
  throw new Error(`what is ${what}?`);
}
