import type { Client, Tables } from "../supabase";

export type Operation = Tables["payment_operations"]["Row"];

export interface RefundRequest {
  amount: number;
  tax_free_amount?: number;
  reason: string;
  refund_account?: { bank: string; number: string; holder_name: string; holder_phone_number?: string };
  idempotency_key: string;
}

/**
 * Ask the worker this page came from, as the signed-in admin. It makes the same database call the browser could make,
 * wakes its runner and waits up to 15 seconds; an operation that takes longer comes back `pending`.
 */
async function post(client: Client, path: string[], body: unknown): Promise<Operation> {
  const { data } = await client.auth.getSession();
  const address = `../${path.map(encodeURIComponent).join("/")}`;
  const reply = await fetch(address, {
    method: "POST",
    headers: { authorization: `Bearer ${data.session?.access_token ?? ""}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = (await reply.json()) as Operation & { error?: object };
  if (!reply.ok) throw { ...answer.error, status: reply.status };
  return answer;
}

/**
 * Whether an error of `askRefund` says that nothing was asked for. A worker that got no reply from the database (503)
 * does not know, and neither does a page whose own request was lost: the same key must be used again then.
 */
export function isRefused(error: unknown): boolean {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500;
}

export const askRefund = (client: Client, paymentId: string, request: RefundRequest): Promise<Operation> =>
  post(client, ["payments", paymentId, "cancel"], request);

/** Read the payment back from PortOne now: harmless at any time. */
export const readBack = (client: Client, paymentId: string): Promise<Operation> =>
  post(client, ["payments", paymentId, "complete"], {});

/** Follow an operation until it has ended, at most `tries` seconds. */
export async function follow(client: Client, operation: Operation, tries = 60): Promise<Operation> {
  let current = operation;
  for (let left = tries; current.status === "pending" && left > 0; left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { data, error } = await client.rpc("get_operation", { id: operation.id });
    if (error !== null) throw error;
    current = data as unknown as Operation;
  }
  return current;
}
