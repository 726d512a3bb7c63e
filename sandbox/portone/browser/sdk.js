// The browser SDK's call shape against the PortOne simulator. Not PortOne's own SDK.
//
//   <script src="http://127.0.0.1:4180/_sim/sdk.js"></script>
//   const response = await PortOne.requestPayment({ storeId, channelKey, paymentId, … });
//   if (response.code !== undefined) { … failed … }
//
// windowType {pc, mobile}: IFRAME, POPUP, REDIRECTION; without it what the PG has on this device (NaverPay: POPUP),
// else IFRAME. With REDIRECTION or forceRedirect the page is left for redirectUrl and the result comes as query
// parameters.
(() => {
  "use strict";
  const base = new URL(".", document.currentScript.src).href; // …/_sim/

  class PortOneError extends Error {
    constructor(code, message) {
      super(message);
      this.name = "PortOneError";
      this.code = code;
    }
  }

  const isMobile = () => /Android|iPhone|iPad|Mobile/i.test(navigator.userAgent);

  function modeOf(request, only) {
    const type = (request.windowType || {})[isMobile() ? "mobile" : "pc"] || only;
    if (type === "POPUP" || type === "REDIRECTION" || type === "IFRAME") return type;
    return isMobile() && request.redirectUrl ? "REDIRECTION" : "IFRAME";
  }

  function languageOf(request) {
    const locale = request.locale || navigator.language || "en";
    return /^ko/i.test(locale) ? "ko" : "en";
  }

  async function post(path, body) {
    const reply = await fetch(base + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await reply.json();
    if (!reply.ok) throw new PortOneError("RequestParseFailed", answer.message);
    return { answer, only: reply.headers.get("x-sim-window-type") };
  }

  function withParameters(url, fields) {
    const target = new URL(url, location.href);
    for (const [name, value] of Object.entries(fields)) target.searchParams.set(name, value);
    return target.href;
  }

  function leave(request, response) {
    location.assign(withParameters(request.redirectUrl, response));
    return new Promise(() => {}); // the page is left: the promise never settles
  }

  // The window says {source, subject, response}; anything else is somebody else's message.
  function answerFrom(source, subject) {
    return new Promise((resolve) => {
      addEventListener("message", function listen(event) {
        const data = event.data || {};
        if (event.source !== source() || event.origin !== new URL(base).origin) return;
        if (data.source !== "portone-simulator" || data.subject !== subject) return;
        removeEventListener("message", listen);
        resolve(data.response);
      });
    });
  }

  async function inOverlay(url, subject) {
    const frame = document.createElement("iframe");
    frame.src = url;
    frame.title = "PortOne simulator";
    // The window's own color-scheme: where the two differ, browsers paint the frame opaque and the shop behind it is gone.
    frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0;z-index:2147483647;color-scheme:light dark";
    const answered = answerFrom(() => frame.contentWindow, subject);
    document.body.append(frame);
    try {
      return await answered;
    } finally {
      frame.remove();
    }
  }

  async function inPopup(url, subject, abandoned) {
    const popup = open(url, "portone-simulator", "popup,width=460,height=720");
    if (popup === null) return inOverlay(url, subject); // blocked by the browser
    let timer;
    const closed = new Promise((resolve) => {
      timer = setInterval(() => {
        if (popup.closed) setTimeout(() => resolve(abandoned), 300);
      }, 200);
    });
    try {
      // A window closed by its frame's button never answers: the payment stays READY for good, as at PortOne.
      return await Promise.race([answerFrom(() => popup, subject), closed]);
    } finally {
      clearInterval(timer);
    }
  }

  async function run(kind, request, { answer: opened, only }, subject) {
    if (request.forceRedirect && !request.redirectUrl) {
      throw new PortOneError("RequestParseFailed", "redirectUrl: forceRedirect needs one");
    }
    const mode = modeOf(request, only);
    const redirects = mode === "REDIRECTION" || request.forceRedirect;
    if (mode === "REDIRECTION" && !request.redirectUrl) {
      throw new PortOneError("RequestParseFailed", "redirectUrl: windowType REDIRECTION needs one");
    }
    if (opened.code !== undefined) return redirects ? leave(request, opened) : opened;
    const fields = { storeId: request.storeId, subject, lang: languageOf(request) };
    if (opened.txId !== undefined) fields.txId = opened.txId;
    const url = withParameters(base + "window/" + kind, fields);
    if (mode === "REDIRECTION") {
      location.assign(withParameters(url, { redirectUrl: new URL(request.redirectUrl, location.href).href }));
      return new Promise(() => {});
    }
    const abandoned = { ...opened, code: "FAILURE_TYPE_PG", message: "the window was closed" };
    const response =
      mode === "POPUP" ? await inPopup(url, subject, abandoned) : await inOverlay(url, subject);
    return redirects ? leave(request, response) : response;
  }

  const seen = () => ({ url: location.href, userAgent: navigator.userAgent });

  window.PortOne = {
    PortOneError,
    isPortOneError: (value) => value instanceof PortOneError,

    async requestPayment(request) {
      const provider = request.easyPay && request.easyPay.easyPayProvider;
      const easyPay = provider ? { easyPayProvider: provider.replace("EASY_PAY_PROVIDER_", "") } : {};
      const opened = await post("windows", { ...request, ...easyPay, ...seen() });
      return run("payment", request, opened, request.paymentId);
    },

    async requestIssueBillingKey(request) {
      const opened = await post("billing-windows", { ...request, ...seen() });
      return run("billing-key", request, opened, opened.answer.billingKey);
    },

    async requestIssueBillingKeyAndPay(request) {
      const { paymentId, orderName, totalAmount, currency, taxFreeAmount } = request;
      const payment = { paymentId, orderName, totalAmount, currency, taxFreeAmount: taxFreeAmount || 0 };
      const opened = await post("billing-windows", { ...request, ...seen(), payment });
      return run("billing-key", request, opened, opened.answer.billingKey);
    },

    async requestIdentityVerification(request) {
      const opened = await post("identity-windows", request);
      return run("identity", request, opened, request.identityVerificationId);
    },
  };
})();
