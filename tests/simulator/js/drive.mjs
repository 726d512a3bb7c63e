// Drives every operation of PortOne's JavaScript SDK against the simulator and prints what each one gave.
// Input (stdin): {url, secret, storeId, controlUrl}. Output: {operation: result} or {operation: {error: type}}.
import { PortOneClient } from "@portone/server-sdk";

const { url, secret, storeId, controlUrl } = JSON.parse(await new Response(process.stdin).text());
const client = PortOneClient({ secret, baseUrl: url, storeId });
const { payment, identityVerification, auth } = client;
const { billingKey, paymentSchedule } = payment;
const results = {};

async function attempt(name, call) {
  try {
    results[name] = await call();
  } catch (error) {
    if (error.data === undefined) throw error; // not PortOne's answer: a bug
    results[name] = { error: error.data.type, kind: error.constructor.name };
  }
  return results[name];
}

async function sim(path, body) {
  const reply = await fetch(`${controlUrl}${path}`, { method: "POST", body: JSON.stringify(body) });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer;
}

const order = { orderName: "membership", amount: { total: 9900 }, currency: "KRW" };
const window = { storeId, orderName: "Widget", totalAmount: 1000, currency: "KRW", payMethod: "CARD" };
const pay = async (paymentId, channelKey = "channel-key-card") => {
  await sim("/windows", { ...window, paymentId, channelKey });
  await sim(`/payments/${paymentId}/approve`, {});
};

// Payments
await attempt("preRegisterPayment", () => payment.preRegisterPayment({ paymentId: "jspay00001", totalAmount: 1000, currency: "KRW" }));
await pay("jspay00001");
await attempt("getPayment", () => payment.getPayment({ paymentId: "jspay00001" }));
await attempt("getPaymentMissing", () => payment.getPayment({ paymentId: "nothing" }));
await attempt("cancelPayment", () => payment.cancelPayment({ paymentId: "jspay00001", reason: "r", amount: 300, currentCancellableAmount: 1000 }));
await attempt("cancelTooMuch", () => payment.cancelPayment({ paymentId: "jspay00001", reason: "r", amount: 701 }));
await attempt("getPayments", () => payment.getPayments({ filter: { status: ["PARTIAL_CANCELLED"] } }));
await attempt("getAllPaymentsByCursor", () => payment.getAllPaymentsByCursor({ size: 10 }));
await attempt("getAllPaymentEventsByCursor", () => payment.getAllPaymentEventsByCursor({ size: 10 }));
await attempt("getPaymentTransactions", () => payment.getPaymentTransactions({ paymentId: "jspay00001" }));
await attempt("resendWebhook", () => payment.resendWebhook({ paymentId: "jspay00001" }));
await attempt("capturePayment", () => payment.capturePayment({ paymentId: "jspay00001" }));
await pay("jspay00002", "channel-key-async");
const slow = await attempt("cancelLater", () => payment.cancelPayment({ paymentId: "jspay00002", reason: "r" }));
await attempt("stopPaymentCancellation", () =>
  payment.stopPaymentCancellation({ paymentId: "jspay00002", cancellationId: slow.cancellation.id }));
await pay("jspay00003", "channel-key-manual");
const { paymentToken } = await (await fetch(`${controlUrl}/payments/jspay00003/token`)).json();
await attempt("confirmMismatch", () => payment.confirmPayment({ paymentId: "jspay00003", paymentToken, totalAmount: 1 }));
await attempt("confirmPayment", () => payment.confirmPayment({ paymentId: "jspay00003", paymentToken, totalAmount: 1000 }));
const account = { virtualAccount: { bank: "SHINHAN", expiry: { validHours: 1 }, option: { type: "NORMAL" } } };
await attempt("payInstantly", () => payment.payInstantly({ ...order, paymentId: "jspay00004", channelKey: "channel-key-vbank", method: account }));
await attempt("closeVirtualAccount", () => payment.closeVirtualAccount({ paymentId: "jspay00004" }));

// Billing keys and schedules
const card = { card: { credential: { number: "4330123456781234", expiryYear: "49", expiryMonth: "12" } } };
const issued = await attempt("issueBillingKey", () => billingKey.issueBillingKey({ channelKey: "channel-key-card", method: card, customer: { id: "u1" } }));
const key = issued.billingKeyInfo.billingKey;
await attempt("getBillingKeyInfo", () => billingKey.getBillingKeyInfo({ billingKey: key }));
await attempt("getBillingKeyInfos", () => billingKey.getBillingKeyInfos({ filter: { customerId: "u1" } }));
await attempt("payWithBillingKey", () => payment.payWithBillingKey({ ...order, paymentId: "jspay00005", billingKey: key }));
await sim(`/billing-keys/${key}/decline`, {});
await attempt("payDeclined", () => payment.payWithBillingKey({ ...order, paymentId: "jspay00006", billingKey: key }));
const scheduled = await attempt("createPaymentSchedule", () =>
  paymentSchedule.createPaymentSchedule({ paymentId: "jspay00007", payment: { ...order, billingKey: key }, timeToPay: "2100-01-01T00:00:00Z" }));
await attempt("getPaymentSchedule", () => paymentSchedule.getPaymentSchedule({ paymentScheduleId: scheduled.schedule.id }));
await attempt("getPaymentSchedules", () =>
  paymentSchedule.getPaymentSchedules({ filter: { from: "2099-12-01T00:00:00Z", until: "2100-02-01T00:00:00Z" } }));
await attempt("deleteTooEarly", () => billingKey.deleteBillingKey({ billingKey: key }));
await attempt("revokePaymentSchedules", () => paymentSchedule.revokePaymentSchedules({ billingKey: key }));
await attempt("deleteBillingKey", () => billingKey.deleteBillingKey({ billingKey: key }));
for (const [name, more] of [["confirmBillingKey", {}], ["confirmBillingKeyIssueAndPay", { payment: { ...window, paymentId: "jspay00008" } }]]) {
  const opened = await sim("/billing-windows", { storeId, channelKey: "channel-key-manual", billingKeyMethod: "CARD", ...more });
  const { _sim: inner } = await sim(`/billing-keys/${opened.billingKey}/issue`, {});
  await attempt(name, () => billingKey[name]({ billingIssueToken: inner.billingIssueToken }));
}

// Identity verification
const id = { identityVerificationId: "jsiv1" };
const customer = { name: "Kim", phoneNumber: "01011112222", identityNumber: "9001311", ipAddress: "198.51.100.9" };
await attempt("sendIdentityVerification", () =>
  identityVerification.sendIdentityVerification({ ...id, channelKey: "channel-key-danal-ci", customer, operator: "KT", method: "SMS" }));
await attempt("resendIdentityVerification", () => identityVerification.resendIdentityVerification(id));
const { _sim: inner } = await (await fetch(`${controlUrl}/identity-verifications/jsiv1`)).json();
await attempt("confirmIdentityVerification", () => identityVerification.confirmIdentityVerification({ ...id, otp: inner.otp }));
await attempt("getIdentityVerification", () => identityVerification.getIdentityVerification(id));
await attempt("getIdentityVerifications", () => identityVerification.getIdentityVerifications({}));

// Login
const tokens = await attempt("loginViaApiSecret", () => auth.loginViaApiSecret({ apiSecret: secret }));
await attempt("refreshToken", () => auth.refreshToken({ refreshToken: tokens.refreshToken }));

console.log(JSON.stringify(results));
