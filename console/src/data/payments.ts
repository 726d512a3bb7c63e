import type { Client, Tables, Views } from "../supabase";
import { rows } from "./load";

export type Payment = Tables["payments"]["Row"];
export type Refund = Tables["payment_cancellations"]["Row"];
export type Entry = Views["payment_timeline"]["Row"];
export type Status = NonNullable<Payment["status"]>;

export const STATUSES: Status[] = [
  "paid", "partial_cancelled", "cancelled", "virtual_account_issued", "ready", "pay_pending", "failed", "expired", "preparing", "unknown",
];
export const PAGE = 25;
const LISTED = "id,payment_id,order_id,order_name,status,amount,currency,cancelled_amount,reserved_amount,discrepancies,created_at,pay_method,portone_pay_method";
export type Listed = Pick<
  Payment,
  "id" | "payment_id" | "order_id" | "order_name" | "status" | "amount" | "currency" | "cancelled_amount" | "reserved_amount" | "discrepancies"
  | "created_at" | "pay_method" | "portone_pay_method"
>;

export interface Search {
  text: string;
  status: string;
  page: number;
}

/** One page, newest first, and whether there is another: one row more than shown is asked for. */
export async function searchPayments(client: Client, search: Search): Promise<{ found: Listed[]; more: boolean }> {
  let query = client.from("payments").select(LISTED).order("created_at", { ascending: false });
  if (search.status !== "") query = query.eq("status", search.status as Status);
  const text = search.text.trim();
  if (text !== "") query = query.or(anyOf(text));
  const from = search.page * PAGE;
  const found = rows(await query.range(from, from + PAGE)) as unknown as Listed[];
  return { found: found.slice(0, PAGE), more: found.length > PAGE };
}

/**
 * Ids by their beginning, the order's name anywhere, a customer by their whole id. As regular expressions, because the
 * value of an `ilike` cannot be quoted on every front, and without quotes a comma would end it.
 */
function anyOf(text: string): string {
  const plain = literal(text);
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? `,user_id.eq.${text}` : "";
  const starts = ["payment_id", "order_id", "provider_transaction_id"].map((column) => `${column}.imatch."^${plain}"`);
  return `${starts.join(",")},order_name.imatch."${plain}"${uuid}`;
}

/** Text that matches itself: `[c]` for what is special, any character (`.`) for the three that cannot be written so. */
const literal = (text: string): string => text.replace(/[.$*+?()[\]{}|]/g, "[$&]").replace(/[\\^"]/g, ".");

export interface Story {
  payment: Payment | null;
  refunds: Refund[];
  timeline: Entry[];
}

export async function loadPayment(client: Client, paymentId: string): Promise<Story> {
  const [payments, refunds, timeline] = await Promise.all([
    client.from("payments").select("*").eq("payment_id", paymentId),
    client.from("payment_cancellations").select("*").eq("payment_id", paymentId).order("number"),
    client.from("payment_timeline").select("*").eq("payment_id", paymentId).limit(500),
  ]);
  const found = rows(payments) as Payment[];
  return { payment: found[0] ?? null, refunds: rows(refunds), timeline: rows(timeline) };
}
