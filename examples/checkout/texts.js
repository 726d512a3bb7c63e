// What the page says. `states` and `errors` are worth copying: one sentence for each state of a payment and each refusal
// a customer can meet (docs/clients.md has them all).
export const texts = {
  ko: {
    shopName: "봄날 커피", other: "English", welcome: "로그인하고 주문하기", email: "이메일", password: "비밀번호 (8자 이상)", signUp: "회원가입", signIn: "로그인", signOut: "로그아웃",
    buy: "주문하기", product: "상품", quantity: "수량", payWith: "결제수단", pay: "{amount} 결제하기", working: "처리 중…", window: "결제창에서 진행해 주세요",
    CARD: "카드", VIRTUAL_ACCOUNT: "가상계좌", savedCard: "등록된 카드",
    myPayments: "내 결제", noPayments: "아직 결제가 없습니다.", receipt: "영수증", closeAccount: "입금 취소",
    myCards: "내 카드", noCards: "등록된 카드가 없습니다.", saveCard: "카드 등록", cardConsent: "다음 결제를 위해 카드 정보를 등록하는 데 동의합니다.",
    defaultCard: "기본 카드", makeDefault: "기본으로", deleteCard: "삭제", cardSaved: "카드를 등록했습니다.", cardDeleted: "카드를 삭제했습니다.",
    identity: "본인인증", verify: "본인인증 하기", identityConsent: "본인 확인을 위해 이름, 생년월일, 휴대폰 번호 등 개인정보를 제공하는 데 동의합니다.",
    notVerified: "아직 본인인증을 하지 않았습니다.", verified: "인증 완료", depositTo: "입금 계좌", until: "입금 기한", refunded: "환불", wentWrong: "문제가 발생했습니다. 잠시 후 다시 시도해 주세요.",
    states: {
      ready: ["결제 대기", "결제가 아직 완료되지 않았습니다."], pay_pending: ["승인 확인 중", "결제 승인을 확인하고 있습니다. 잠시만 기다려 주세요."],
      virtual_account_issued: ["입금 대기", "아래 계좌로 입금하시면 결제가 완료됩니다."], paid: ["결제 완료", "결제가 완료되었습니다. 감사합니다."],
      failed: ["결제 실패", "결제가 완료되지 않았습니다. 다른 결제수단으로 다시 시도해 주세요."], partial_cancelled: ["부분 환불", "결제 금액 일부가 환불되었습니다."],
      cancelled: ["환불 완료", "결제가 취소되어 전액 환불되었습니다."], expired: ["기한 만료", "결제 기한이 지났습니다. 다시 주문해 주세요."],
      unknown: ["확인 중", "결제 상태를 확인하고 있습니다. 다시 결제하지 마시고 문의해 주세요."],
    },
    errors: {
      ORDER_ALREADY_PAID: "이미 결제된 주문입니다.", ORDER_HAS_OPEN_PAYMENT: "이 주문의 다른 결제가 진행 중입니다.", BILLING_KEY_EXPIRED: "유효기간이 지난 카드입니다.",
      BILLING_KEY_INACTIVE: "사용할 수 없는 카드입니다.", TOO_MANY_REQUESTS: "요청이 많습니다. 잠시 후 다시 시도해 주세요.", CONSENT_REQUIRED: "동의가 필요합니다.",
      WINDOW_CLOSED: "창이 닫혔습니다. 언제든 다시 시도할 수 있습니다.", STILL_PENDING: "아직 처리 중입니다. 결과는 ‘내 결제’에 표시됩니다.", PG_PROVIDER: "카드사에서 거절했습니다. 다른 결제수단으로 시도해 주세요.",
      invalid_credentials: "이메일 또는 비밀번호가 올바르지 않습니다.", user_already_exists: "이미 가입된 이메일입니다. 로그인해 주세요.",
    },
  },
  en: {
    shopName: "Bomnal Coffee", other: "한국어", welcome: "Sign in to order", email: "E-mail", password: "Password (8 or more)", signUp: "Sign up", signIn: "Sign in", signOut: "Sign out",
    buy: "Order", product: "Product", quantity: "Quantity", payWith: "Pay with", pay: "Pay {amount}", working: "Working…", window: "Please go on in the window",
    CARD: "Card", VIRTUAL_ACCOUNT: "Virtual account", savedCard: "Saved card",
    myPayments: "My payments", noPayments: "No payment yet.", receipt: "Receipt", closeAccount: "Cancel the deposit",
    myCards: "My cards", noCards: "No saved card.", saveCard: "Save a card", cardConsent: "I agree that my card is saved for later payments.",
    defaultCard: "Default", makeDefault: "Make default", deleteCard: "Delete", cardSaved: "The card is saved.", cardDeleted: "The card is deleted.",
    identity: "Identity", verify: "Verify my identity", identityConsent: "I agree that my name, birth date and phone number are used to verify who I am.",
    notVerified: "Not verified yet.", verified: "Verified", depositTo: "Deposit to", until: "Until", refunded: "refunded", wentWrong: "Something went wrong. Please try again in a moment.",
    states: {
      ready: ["Not paid yet", "The payment has not been finished."], pay_pending: ["Being approved", "We are waiting for the approval. One moment, please."],
      virtual_account_issued: ["Waiting for your deposit", "Deposit to this account and the payment is done."], paid: ["Paid", "Your payment is done. Thank you."],
      failed: ["Failed", "Nothing was paid. Please try again or pay another way."], partial_cancelled: ["Partly refunded", "A part of your payment was refunded."],
      cancelled: ["Refunded", "Your payment was cancelled and refunded in full."], expired: ["Expired", "The time to pay is over. Please order again."],
      unknown: ["Being checked", "We are checking this payment. Please do not pay again; ask us."],
    },
    errors: {
      ORDER_ALREADY_PAID: "This order has been paid.", ORDER_HAS_OPEN_PAYMENT: "Another payment of this order is under way.", BILLING_KEY_EXPIRED: "This card has expired.",
      BILLING_KEY_INACTIVE: "This card cannot be used.", TOO_MANY_REQUESTS: "Too many requests. Please try again later.", CONSENT_REQUIRED: "Please agree first.",
      WINDOW_CLOSED: "The window was closed. You can try again any time.", STILL_PENDING: "Still working on it. You will see the result under My payments.", PG_PROVIDER: "The card company refused. Please pay another way.",
      invalid_credentials: "This e-mail and password do not go together.", user_already_exists: "This e-mail has an account. Please sign in.",
    },
  },
};
