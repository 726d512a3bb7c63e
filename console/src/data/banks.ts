/** Banks people have accounts with, by PortOne's REST word. The database knows all 79. */
export const BANKS: [code: string, ko: string, en: string][] = [
  ["KOOKMIN", "KB국민은행", "KB Kookmin"], ["SHINHAN", "신한은행", "Shinhan"], ["WOORI", "우리은행", "Woori"], ["HANA", "하나은행", "Hana"],
  ["NONGHYUP", "NH농협은행", "NH NongHyup"], ["LOCAL_NONGHYUP", "지역농축협", "Local NongHyup"], ["IBK", "IBK기업은행", "IBK"], ["KAKAO", "카카오뱅크", "Kakao Bank"],
  ["TOSS", "토스뱅크", "Toss Bank"], ["K_BANK", "케이뱅크", "K bank"], ["KFCC", "새마을금고", "MG KFCC"], ["SHINHYUP", "신협", "Shinhyup"],
  ["POST", "우체국", "Korea Post"], ["STANDARD_CHARTERED", "SC제일은행", "Standard Chartered"], ["CITI", "한국씨티은행", "Citi"], ["KDB", "KDB산업은행", "KDB"],
  ["SUHYUP", "수협은행", "Suhyup"], ["DAEGU", "iM뱅크(대구)", "iM Bank (Daegu)"], ["BUSAN", "부산은행", "Busan"], ["KYONGNAM", "경남은행", "Kyongnam"],
  ["KWANGJU", "광주은행", "Kwangju"], ["JEONBUK", "전북은행", "Jeonbuk"], ["JEJU", "제주은행", "Jeju"], ["SAVINGS_BANK", "저축은행", "Savings banks"],
];
