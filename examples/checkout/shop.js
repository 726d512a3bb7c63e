// The page: what is shown and what the buttons do. Everything about payments is in payments.js.
import { config } from "./config.js";
import { createPayments, PAYMENT, Refused } from "./payments.js";
import { texts } from "./texts.js";

const load = (src) => new Promise((resolve, reject) => {
  const script = Object.assign(document.createElement("script"), { src, onload: resolve, onerror: () => reject(new Error(`cannot load ${src}`)) });
  document.head.append(script);
});
await Promise.all([load(config.supabaseJs), load(config.portoneSdk)]);

const $ = (id) => document.getElementById(id);
let language = localStorage.getItem("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en");
const t = () => texts[language];
const supabase = window.supabase.createClient(config.supabaseUrl, config.supabaseKey);
const payments = createPayments(supabase, window.PortOne, { realtime: config.realtime, language: () => language });

let products = [];
let cards = [];
let user = null;
let stopWatching = () => {};
let shown = null; // the payment in the result section

// --- Small helpers ------------------------------------------------------------------------------

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// KRW has no minor unit: 48000 is ₩48,000. Divide by 10 ** digits for others (USD 1050 is $10.50).
function money(amount, currency = "KRW") {
  const format = new Intl.NumberFormat(language, { style: "currency", currency, currencyDisplay: "narrowSymbol" });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

// Supabase Lite writes `2026-01-01 00:00:00+00`, Supabase `2026-01-01T00:00:00+00:00`.
const time = (text) => new Date(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"))
  .toLocaleString(language, { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Seoul" });

function say(sentence, kind = "good") {
  Object.assign($("notice"), { textContent: sentence, className: kind, hidden: sentence === "" });
}

/** Run what a button does: once at a time, and tell what went wrong in the customer's words. */
async function act(work) {
  const buttons = [...document.querySelectorAll("button:not(#language)")];
  for (const one of buttons) one.disabled = true;
  say(t().working, "wait");
  try {
    say((await work()) ?? "");
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    say(t().errors[error.code] ?? t().wentWrong, "bad");
  }
  for (const one of buttons) one.disabled = false;
  await draw();
}

// --- What the buttons do --------------------------------------------------------------------------

$("sign").addEventListener("submit", (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  const up = event.submitter?.value !== "in";
  act(async () => {
    const { error } = await (up ? supabase.auth.signUp({ email, password }) : supabase.auth.signInWithPassword({ email, password }));
    if (error) throw new Refused({ code: error.code, message: error.message });
  });
});

$("sign-out").addEventListener("click", () => act(async () => { await supabase.auth.signOut({ scope: "local" }); }));

$("order").addEventListener("submit", (event) => {
  event.preventDefault();
  const { product, quantity, method } = Object.fromEntries(new FormData(event.target));
  act(async () => {
    // The shop's own function (shop.sql): a product and a quantity in, an order with its price out.
    const order = await payments.rows(supabase.rpc("place_order", { product_id: product, quantity: Number(quantity) }));
    const card = cards.find((one) => one.id === method);
    say(card ? t().working : t().window, "wait");
    const paid = await (card ? payments.payWithCard(order.id, card.id) : payments.pay(order.id, method, { email: user.email }));
    show(paid.paymentId);
  });
});

$("save-card").addEventListener("submit", (event) => {
  event.preventDefault();
  const consent = event.target.elements.consent.checked;
  act(async () => {
    await payments.saveCard(consent);
    event.target.reset();
    return t().cardSaved;
  });
});

$("verify").addEventListener("submit", (event) => {
  event.preventDefault();
  const consent = event.target.elements.consent.checked;
  act(async () => {
    await payments.verifyIdentity("checkout", consent);
    event.target.reset();
    return t().verified;
  });
});

$("language").addEventListener("click", () => {
  language = language === "ko" ? "en" : "ko";
  localStorage.setItem("language", language);
  say("");
  draw();
});

/** Show a payment and keep showing it as it changes. */
function show(paymentId) {
  stopWatching();
  stopWatching = payments.watch(paymentId, (payment) => {
    shown = payment;
    drawResult();
    drawPayments();
  });
}

// --- What is shown ----------------------------------------------------------------------------------

async function draw() {
  document.documentElement.lang = language;
  document.title = t().shopName;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = t()[one.dataset.text];
  $("language").textContent = t().other;
  user = (await supabase.auth.getSession()).data.session?.user ?? null;
  $("door").hidden = user !== null;
  $("inside").hidden = user === null;
  if (user === null) {
    stopWatching();
    shown = null;
    return;
  }
  try {
    [products, cards] = await Promise.all([
      payments.rows(supabase.from("products").select("id,name_ko,name_en,price").order("price")),
      payments.rows(supabase.from("billing_keys").select("id,card_issuer,card_number_masked,is_default,nickname").eq("is_active", true).order("created_at")),
    ]);
    drawForm();
    drawResult();
    drawCards();
    await Promise.all([drawPayments(), drawPerson()]);
  } catch (error) {
    console.error(error);
    say(t().wentWrong, "bad");
  }
}

const choice = (name, value, checked, ...label) =>
  element("label", { className: "choice" }, element("input", { type: "radio", name, value, checked, required: true }), element("span", {}, ...label));

function drawForm() {
  const chosen = Object.fromEntries(new FormData($("order")));
  const product = chosen.product ?? products[0]?.id;
  $("products").replaceChildren(...products.map((one) =>
    choice("product", one.id, one.id === product, one[`name_${language}`], element("b", { textContent: money(one.price) }))));
  const methods = [["CARD", t().CARD], ["VIRTUAL_ACCOUNT", t().VIRTUAL_ACCOUNT], ...cards.map((one) => [one.id, cardName(one)])];
  const method = methods.some(([value]) => value === chosen.method) ? chosen.method : "CARD";
  $("methods").replaceChildren(...methods.map(([value, label]) => choice("method", value, value === method, label)));
  drawTotal();
}

function drawTotal() {
  const { product, quantity } = Object.fromEntries(new FormData($("order")));
  const price = products.find((one) => one.id === product)?.price ?? 0;
  // Only to show: what is charged is what place_order reads from the table.
  $("pay").textContent = t().pay.replace("{amount}", money(price * Number(quantity || 0)));
}
$("order").addEventListener("input", drawTotal);

function drawResult() {
  $("result").hidden = shown === null;
  if (shown === null) return;
  const [name, sentence] = t().states[shown.status] ?? t().states.unknown;
  const account = shown.status === "virtual_account_issued" && element("dl", {},
    element("dt", { textContent: t().depositTo }), element("dd", { textContent: [shown.virtual_account_bank, shown.virtual_account_number, shown.virtual_account_holder].filter(Boolean).join(" ") }),
    ...(shown.virtual_account_expires_at ? [element("dt", { textContent: t().until }), element("dd", { textContent: time(shown.virtual_account_expires_at) })] : []));
  $("result").replaceChildren(
    element("h2", { className: `state ${shown.status}`, textContent: name }),
    element("p", { className: "total", textContent: money(shown.amount, shown.currency) }),
    element("p", { textContent: sentence }), ...(account ? [account] : []));
  $("result").dataset.status = shown.status;
}

// The policy would do; with the filter written out PostgreSQL looks in the customer's own part of the index.
async function drawPayments() {
  const list = await payments.rows(supabase.from("payments").select(PAYMENT).eq("user_id", user.id).order("created_at", { ascending: false }).limit(10));
  $("payments").replaceChildren(...(list.length === 0 ? [element("li", { className: "soft", textContent: t().noPayments })] : list.map((one) =>
    element("li", {},
      element("span", { className: "grow", textContent: one.order_name }),
      element("span", { textContent: money(one.amount, one.currency) }),
      one.cancelled_amount > 0 ? element("small", { className: "soft", textContent: `${t().refunded} ${money(one.cancelled_amount, one.currency)}` }) : null,
      element("span", { className: `badge ${one.status}`, textContent: (t().states[one.status] ?? t().states.unknown)[0] }),
      // The owner may close an unpaid virtual account; anything paid is refunded by the shop.
      one.status === "virtual_account_issued" ? element("button", { type: "button", className: "small", textContent: t().closeAccount, onclick: () => act(async () => {
        await payments.ask("request_cancellation", { payment_id: one.payment_id, reason: "customer" });
        show(one.payment_id);
      }) }) : null,
      /^https:\/\//.test(one.receipt_url ?? "") ? element("a", { href: one.receipt_url, target: "_blank", rel: "noreferrer", textContent: t().receipt }) : null))));
}

const cardName = (card) => [card.nickname, card.card_issuer, card.card_number_masked].filter(Boolean).join(" ") || t().savedCard;

function drawCards() {
  $("cards").replaceChildren(...(cards.length === 0 ? [element("li", { className: "soft", textContent: t().noCards })] : cards.map((one) =>
    element("li", {},
      element("span", { className: "grow", textContent: cardName(one) }),
      one.is_default ? element("span", { className: "badge", textContent: t().defaultCard })
        : element("button", { type: "button", className: "small", textContent: t().makeDefault, onclick: () => act(async () => { await payments.makeDefault(one.id); }) }),
      element("button", { type: "button", className: "small", textContent: t().deleteCard, onclick: () => act(async () => { await payments.deleteCard(one.id); return t().cardDeleted; }) })))));
}

async function drawPerson() {
  const [person] = await payments.rows(supabase.from("identity_verifications").select("name,birth_date,verified_at").eq("status", "verified").order("created_at", { ascending: false }).limit(1));
  $("person").textContent = person ? `${t().verified}: ${person.name} (${person.birth_date})` : t().notVerified;
}

await draw();
if (user !== null) {
  await act(async () => {
    const back = await payments.returned();
    if (back !== null) show(back.paymentId);
  });
}
