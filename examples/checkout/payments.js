// The part to copy: everything a page asks this payments backend, and nothing about how the page looks.
//
// One pattern throughout. A request_*() function writes down what is wanted and answers at once with an operation; the worker
// does it; the operation ends `succeeded` with a result or `failed` with an error. The database decides every amount.

/** A refusal with one of the codes of docs/database.md, whatever way it came. */
export class Refused extends Error {
  constructor(error) {
    super(error?.message ?? "unknown error");
    const detail = parsed(error?.details); // PostgREST carries our JSON as text
    this.code = detail.code ?? error?.code ?? "UNKNOWN";
    this.facts = { ...detail, ...error };
  }
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/**
 * @param supabase  a supabase-js client; the user's own token is all it needs
 * @param PortOne   the browser SDK
 * @param options   {realtime} - whether the project has Supabase Realtime; {language} - a function, "ko" or "en"
 */
export function createPayments(supabase, PortOne, { realtime = true, language = () => "ko" } = {}) {
  const rows = async (query) => {
    const { data, error } = await query;
    if (error) throw new Refused(error);
    return data;
  };

  /** Ask for something and wait until it has ended. Answers its result; throws what it failed with. */
  async function ask(name, args) {
    // The key makes asking again safe: when the reply is lost on the way, the same key finds the same operation.
    const request = { ...args, idempotency_key: crypto.randomUUID() };
    let answer = await supabase.rpc(name, request);
    if (answer.error && answer.status === 0) answer = await supabase.rpc(name, request); // the network, not a refusal
    if (answer.error) throw new Refused(answer.error);
    const ended = await finished(answer.data);
    if (ended.status === "failed") throw new Refused(ended.error);
    if (ended.status === "pending") throw new Refused({ code: "STILL_PENDING" });
    return ended.result;
  }

  /** Poll get_operation: quickly first, then every second, for a minute. Realtime only wakes it earlier. */
  async function finished(operation) {
    const changes = follow("payment_operations", `id=eq.${operation.id}`);
    try {
      for (let tries = 0; operation.status === "pending" && tries < 60; tries += 1) {
        await Promise.race([changes.next(), pause(tries < 3 ? 200 * 2 ** tries : 1000)]);
        operation = await rows(supabase.rpc("get_operation", { id: operation.id }));
      }
    } finally {
      changes.stop();
    }
    return operation;
  }

  /** Rows of a table changing, as promises. Without Realtime they never come, and polling does it alone. */
  function follow(table, filter) {
    let wake = () => {};
    if (!realtime) return { next: () => new Promise(() => {}), stop: () => {} };
    const channel = supabase
      .channel(`${table}:${filter}`)
      .on("postgres_changes", { event: "UPDATE", schema: "public", table, filter }, () => wake())
      .subscribe();
    return { next: () => new Promise((resolve) => (wake = resolve)), stop: () => supabase.removeChannel(channel) };
  }

  /** Pay an order in PortOne's window. Answers the payment id; what became of it is in the table `payments`. */
  async function pay(orderId, payMethod, customer) {
    // 1. The price comes from the order and is registered with PortOne before anybody sees the payment id.
    //    The result has what the window needs, under the SDK's own names: paymentId, storeId, channelKey, orderName,
    //    totalAmount, taxFreeAmount, currency, payMethod, noticeUrls.
    const prepared = await ask("request_payment", { order_id: orderId, pay_method: payMethod });
    // 2. The window. Whatever the browser changes here no longer fits what was registered.
    const answer = await PortOne.requestPayment({
      ...prepared,
      customer,
      ...(payMethod === "VIRTUAL_ACCOUNT" ? { virtualAccount: { accountExpiry: { validHours: 24 } } } : {}),
      locale: language() === "ko" ? "KO_KR" : "EN_US",
      redirectUrl: here(), // phones leave the page and come back here: see returned()
    });
    // 3. Its answer proves nothing, not even a failure: have the worker ask PortOne.
    await ask("request_completion", { payment_id: prepared.paymentId });
    return { paymentId: prepared.paymentId, closed: answer?.code !== undefined };
  }

  /** Pay an order with a saved card: no window, no browser SDK. */
  async function payWithCard(orderId, billingKeyId) {
    const { paymentId } = await ask("request_billing_payment", { order_id: orderId, billing_key_id: billingKeyId });
    return { paymentId, closed: false };
  }

  /** Save a card. The person must have agreed to it first. */
  async function saveCard(consent) {
    const begun = await rows(supabase.rpc("request_billing_key_issue", { consent }));
    sessionStorage.setItem("issueId", begun.issueId); // for phones, which leave the page
    const answer = await PortOne.requestIssueBillingKey({
      storeId: begun.storeId, channelKey: begun.channelKey, billingKeyMethod: "CARD",
      issueId: begun.issueId, issueName: begun.issueName, customer: { customerId: begun.customerId },
      locale: language() === "ko" ? "KO_KR" : "EN_US",
      redirectUrl: here(),
    });
    if (answer?.code !== undefined) throw new Refused({ code: "WINDOW_CLOSED", message: answer.message });
    // PortOne is asked whether this key belongs to this person's registration; only then it counts.
    return ask("register_billing_key", { billing_key: answer.billingKey, issue_id: begun.issueId });
  }

  const deleteCard = (id) => ask("delete_billing_key", { id });
  const makeDefault = (id) => rows(supabase.rpc("set_default_billing_key", { id }));

  /** Who is this? A verification is used once and for one purpose; the person must have agreed first. */
  async function verifyIdentity(purpose, consent) {
    const begun = await rows(supabase.rpc("request_identity_verification", { purpose, consent }));
    sessionStorage.setItem("identityId", begun.id);
    const answer = await PortOne.requestIdentityVerification({
      identityVerificationId: begun.identityVerificationId, storeId: begun.storeId, channelKey: begun.channelKey,
      locale: language() === "ko" ? "KO_KR" : "EN_US",
      redirectUrl: here(),
    });
    if (answer?.code !== undefined) throw new Refused({ code: "WINDOW_CLOSED", message: answer.message });
    return ask("complete_identity_verification", { id: begun.id });
  }

  /** Back from a window that left the page (phones): do what came after it. Answers the payment to show, if there is one. */
  async function returned() {
    const query = new URLSearchParams(location.search);
    if (!query.has("transactionType") && !query.has("code")) return null;
    history.replaceState(null, "", here());
    if (query.has("paymentId")) {
      const paymentId = query.get("paymentId");
      await ask("request_completion", { payment_id: paymentId });
      return { paymentId, closed: query.has("code") };
    }
    if (query.has("code")) throw new Refused({ code: "WINDOW_CLOSED", message: query.get("message") });
    if (query.has("billingKey")) await ask("register_billing_key", { billing_key: query.get("billingKey"), issue_id: sessionStorage.getItem("issueId") });
    if (query.has("identityVerificationId")) await ask("complete_identity_verification", { id: sessionStorage.getItem("identityId") });
    return null;
  }

  /** One payment as row level security shows it to its owner, called again whenever it changes, until `stop`. */
  function watch(paymentId, changed) {
    const ON_THE_WAY = ["ready", "pay_pending", "virtual_account_issued"];
    const changes = follow("payments", `payment_id=eq.${paymentId}`);
    let going = true;
    (async () => {
      for (let seen = ""; going; ) {
        try {
          const [payment] = await rows(supabase.from("payments").select(PAYMENT).eq("payment_id", paymentId));
          if (going && payment && seen !== JSON.stringify(payment)) changed(payment);
          seen = JSON.stringify(payment ?? null);
          if (payment && !ON_THE_WAY.includes(payment.status)) break;
        } catch {
          // The next look may succeed.
        }
        await Promise.race([changes.next(), pause(2000)]);
      }
      changes.stop();
    })();
    return () => { going = false; };
  }

  return { ask, pay, payWithCard, saveCard, deleteCard, makeDefault, verifyIdentity, returned, watch, rows };
}

export const PAYMENT =
  "payment_id,order_name,status,amount,currency,cancelled_amount,created_at,receipt_url,failure,discrepancies," +
  "virtual_account_bank,virtual_account_number,virtual_account_holder,virtual_account_expires_at";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const here = () => location.origin + location.pathname;
