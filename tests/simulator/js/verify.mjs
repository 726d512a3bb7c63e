// Verifies webhooks with PortOne's JavaScript SDK.
// Input (stdin): {secret, messages: [{body, headers}]}. Output: for each its type, or the reason it was refused.
import { Webhook } from "@portone/server-sdk";

const { secret, messages } = JSON.parse(await new Response(process.stdin).text());
const verdicts = [];
for (const { body, headers } of messages) {
  try {
    verdicts.push((await Webhook.verify(secret, body, headers)).type);
  } catch (error) {
    if (!(error instanceof Webhook.WebhookVerificationError)) throw error;
    verdicts.push(error.reason);
  }
}
console.log(JSON.stringify(verdicts));
