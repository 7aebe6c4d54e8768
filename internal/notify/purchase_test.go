package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

const pin = "1234 5678 9012 3452"

// cashier is a shop that notes its orders.
type cashier struct {
	orders []string
	says   refusal.Refusal
	broken error
	before map[string]bool
}

func (c *cashier) take(what, meter string) (notify.Bought, error) {
	order := what + " for " + meter
	c.orders = append(c.orders, order)
	again := c.before[order]
	if c.before == nil {
		c.before = map[string]bool{}
	}
	c.before[order] = true
	return notify.Bought{Refusal: c.says, Serial: "7-00012", Amount: money.Amount{Minor: 10_000, Currency: "KES"}, Sale: id.ID{0: 1, 15: 1}, Repeated: again}, c.broken
}

func (c *cashier) Redeem(_ context.Context, _ access.Tenant, o notify.Order) (notify.Bought, error) {
	return c.take(strings.TrimSpace(o.PIN.Reveal()+" "+o.Code.Reveal()), o.Meter)
}

func (c *cashier) Ask(_ context.Context, _ access.Tenant, o notify.Order) (notify.Bought, error) {
	return c.take(o.Amount+" of "+o.Phone, o.Meter)
}

// shopOffice is an office with a shop.
func shopOffice(t *testing.T) (*office, *cashier) {
	o, c := opened(t), &cashier{}
	o.shop = c
	return o, c
}

func (c *cashier) ordered(t *testing.T, want ...string) {
	t.Helper()
	if strings.Join(c.orders, "\n") != strings.Join(want, "\n") {
		t.Errorf("ordered %q, want %q", c.orders, want)
	}
	c.orders = nil
}

// TestWordsThatBuy checks what is read from a message that buys. Digits alone are a PIN only if they are sixteen.
func TestWordsThatBuy(t *testing.T) {
	for _, c := range []struct{ text, pin, amount, meter string }{
		{"PIN " + pin, "1234567890123452", "", ""}, {"pin1234-5678-9012-3452", "1234567890123452", "", ""}, {pin, "1234567890123452", "", ""},
		{"Voucher ١٢٣٤ ٥٦٧٨ ٩٠١٢ ٣٤٥٢ 2", "1234567890123452", "", "2"}, {"PIN " + pin + " 0414 0001 001", "1234567890123452", "", "04140001001"},
		{"my pin number is " + pin, "1234567890123452", "", ""}, {"vocha " + pin + ".", "1234567890123452", "", ""}, {"PIN 1234 5678", "", "", ""}, {"**** **** **** ****", "", "", ""}, {"PIN", "", "", ""},
		{"BUY 100", "", "100", ""}, {"buy 100.50", "", "100.50", ""}, {"Buy 1,000 2", "", "1,000", "2"}, {"BUY 100 0414-0001-001", "", "100", "04140001001"},
		{"BUY 04140001001 100", "", "100", "04140001001"}, {"nunua 500", "", "500", ""}, {"BUY KES 100", "", "100", ""}, {"BUY", "", "", ""}, {"buy 100.", "", "100", ""},
	} {
		want := notify.WordVoucher
		if c.amount != "" || strings.EqualFold(c.text, "buy") {
			want = notify.WordBuy
		}
		k := notify.ParseKeyword(c.text)
		if k.Word != want || k.PIN.Reveal() != c.pin || k.Amount != c.amount || k.Number != c.meter {
			t.Errorf("%q is %s with PIN %q, amount %q and meter %q; want %+v", c.text, k.Word, k.PIN.Reveal(), k.Amount, k.Number, c)
		}
		if masked := notify.MaskTokens(c.text); c.pin != "" && strings.ContainsAny(masked, "0123456789") || notify.ParseKeyword(masked).Word != want {
			t.Errorf("%q is stored as %q", c.text, masked)
		}
	}
	for _, text := range []string{"123456789012345", "12345678901234567", "1234 5678 9012 3456 7890", "PIN " + pin + " 123456789012345678"} {
		if k := notify.ParseKeyword(text); k.Word == notify.WordVoucher {
			t.Errorf("%q is a voucher", text)
		}
	}
}

// TestWordsWithACode: the code of a receipt is read wherever it stands, and never stored.
func TestWordsWithACode(t *testing.T) {
	for _, c := range []struct{ text, code, meter string }{
		{"PIN " + pin + " FHJK LMQR", "FHJKLMQR", ""}, {"pin" + strings.ReplaceAll(pin, " ", "") + "fhjklmqr", "FHJKLMQR", ""}, {pin + " FHJK-LMQR", "FHJKLMQR", ""},
		{"FHJKLMQR " + pin, "FHJKLMQR", ""}, {"PIN " + pin + " FHJKLMQR 0414 0001 001", "FHJKLMQR", "04140001001"}, {"PIN " + pin + " 0414 0001 001 FHJKLMQR", "FHJKLMQR", "04140001001"},
		{pin + " FHJKLMQR 04140001001", "FHJKLMQR", "04140001001"}, {"vocha ＦＨＪＫ ｌｍｑｒ " + pin + " 2", "FHJKLMQR", "2"}, {"my pin number is " + pin + " code FHJKLMQR.", "FHJKLMQR", ""},
		{"PIN " + pin + " hello", "", ""}, {"PIN " + pin + " FHJKLMQ", "", ""},
	} {
		k := notify.ParseKeyword(c.text)
		if k.Word != notify.WordVoucher || k.PIN.Reveal() != "1234567890123452" || k.Code.Reveal() != c.code || k.Number != c.meter {
			t.Errorf("%q is %s with PIN %q, code %q and meter %q; want %+v", c.text, k.Word, k.PIN.Reveal(), k.Code.Reveal(), k.Number, c)
		}
		masked := notify.MaskTokens(c.text)
		if strings.ContainsAny(masked, "0123456789") || strings.Contains(strings.ToUpper(masked), "FHJK") || strings.Contains(masked, "Ｆ") || notify.ParseKeyword(masked).Word != notify.WordVoucher {
			t.Errorf("%q is stored as %q", c.text, masked)
		}
	}
	o, c := shopOffice(t)
	if got := o.receive(amina, "PIN "+pin+" FHJK LMQR"); len(got) != 0 {
		t.Errorf("answered %q", got)
	}
	c.ordered(t, "1234567890123452 FHJKLMQR for "+meterA)
}

// TestNoCodeIsStored: a message in which a code stands is stored without it, whether or not the message is understood and the code is right.
func TestNoCodeIsStored(t *testing.T) {
	for _, text := range []string{
		"Hello " + pin + " FHJK LMQR please",  // a sentence
		pin + " FHJKLMQB",                     // one wrong letter
		pin + " FHJK LMQB", pin + " FHJKLMQA", // and in groups, or a vowel
		pin + " FHJKLMQ", pin + " FHJKLMQRT", // one letter too few, one too many
		"code FHJK LMQR", "FHJKLMQR", "my code is fhjk-lmqr", "f h j k l m q r", // in a message of its own
		"code FHJKLMQB", "code FHJK LMQE", "codeFHJKLMQR", "FHJKLMQR." + meterA, "ＦＨＪＫ ｌｍｑｒ", "1 FHJK 2 LMQR",
		pin + " FHJK LMQR 04140001001 Amina", "Amina 04140001001 FHJK LMQR " + pin, // a name and a meter
		"123456789012345 FHJK LMQR", "12345678901234 FHJKLMQB", // a digit too few
		pin + " KWH FHJ LM", "STOP " + pin + " FHJK LMQR", "BAL FHJK LMQR",
	} {
		o, _ := shopOffice(t)
		o.receive(amina, text)
		stored := o.messages[0].Text
		left := strings.Map(func(r rune) rune {
			if r = unicode.ToUpper(r); !strings.ContainsRune(voucherpin.Letters, r) && (r < 'Ａ' || r > 'Ｚ') {
				return -1
			}
			return r
		}, stored)
		if strings.Contains(left, "FHJ") || strings.Contains(left, "KLM") || strings.Contains(left, "LMQ") || strings.Contains(left, "Ｌ") {
			t.Errorf("%q is stored as %q", text, stored)
		}
		if again := notify.MaskTokens(stored); again != stored {
			t.Errorf("%q, masked again, is %q", stored, again)
		}
	}
}

// TestAPINWithoutOneDigitIsNotStored: the missing digit of a PIN can be guessed. A message that buys has as many digits, and is stored as it is.
func TestAPINWithoutOneDigitIsNotStored(t *testing.T) {
	for _, text := range []string{"123456789012345", "Hello 1234 5678 9012 345 please", "1234-5678-9012-345", "BAL 123456789012345"} {
		o, _ := shopOffice(t)
		o.receive(amina, text)
		if stored := o.messages[0].Text; strings.ContainsAny(stored, "0123456789") {
			t.Errorf("%q is stored as %q", text, stored)
		}
	}
	for _, text := range []string{"BUY 1000 04140001001", "buy 1000 0414 0001 001"} {
		if got := notify.MaskTokens(text); got != text {
			t.Errorf("%q is stored as %q", text, got)
		}
	}
}

// TestOrdinaryMessagesAreStoredAsTheyAre: what has no code and no PIN in it is not masked.
func TestOrdinaryMessagesAreStoredAsTheyAre(t *testing.T) {
	for _, text := range []string{
		"balance", "BAL 04140001001", "please call me", "Please send me my last token", "I bought 34 kWh and 20 kWh, left 12 kWh", "34kWh 20kWh", "thx", "no power since the 3rd month",
		"the thrift shop on the left has no light", "half the month without kwh", "Hello, Mr Matt from the north", "throw away my old meter", "the rhythm of the lights", "left. kwh", "THANKS!!!",
		"solde", "s'il vous plaît rappelez-moi", "le compteur ne marche plus depuis la lettre", "j'ai acheté 34 kWh hier", "mettre le courant", "merci Matthieu", "trop chère l'électricité",
		"salio", "tafadhali nipigie simu", "umeme umekatika tangu asubuhi", "nimenunua kWh 34 jana", "mita yangu haifanyi kazi", "asante sana", "hakuna umeme mtaa wa Mlimani",
		"no hay luz", "mi medidor no funciona", "por favor llámame", "vale for my shop please", "voucher please help me",
	} {
		if got := notify.MaskTokens(text); got != text {
			t.Errorf("%q is stored as %q", text, got)
		}
	}
}

// TestAVoucherBySMS: the PIN is redeemed for the sender's meter before the message is stored, and the repeated message gets the same token.
func TestAVoucherBySMS(t *testing.T) {
	o, c := shopOffice(t)
	o.sales[1] = notify.LastSale{Vend: id.ID{0: 1, 15: 1}, At: o.now, Tender: money.Amount{Minor: 10_000, Currency: "KES"}, Tokens: []sale.Token{{ID: id.ID{15: 1}, Units: 34_700, Sealed: sale.Sealed{1}}}}
	if got := o.receive(amina, "PIN "+pin); len(got) != 0 { // the sale's own message brings the token
		t.Errorf("answered %q", got)
	}
	c.ordered(t, "1234567890123452 for "+meterA)
	if m := o.messages[0]; m.Text != "PIN **** **** **** ****" || m.Purpose != notify.PurposeFromCustomer {
		t.Errorf("stored %+v", m)
	}
	if got := o.receive(amina, pin); len(got) != 1 || !strings.HasPrefix(got[0], "0001 2345 6789 0123 4568 = 34.7 kWh, KES 100.00, meter "+meterA) {
		t.Errorf("again: %q", got)
	}
	c.ordered(t, "1234567890123452 for "+meterA)

	o.want(juma, "PIN "+pin, "Vocha ni ya mita ipi? Tuma PIN, tarakimu 16 na namba ya mita. Vocha haikutumika.")
	o.want(juma, "PIN 1234", "Hii si PIN ya vocha. Tuma PIN na tarakimu 16 za vocha. Vocha haikutumika.")
	c.ordered(t)
	o.want(juma, "PIN "+pin+" 2") // the second of the sender's meters
	o.want(juma, "PIN "+pin+" 04149999999", "Vocha ya KES 100.00 imetumika kwa mita 04149999999. Tokeni au salio linaenda kwa mita na mteja wake.")
	c.ordered(t, "1234567890123452 for 04140003007", "1234567890123452 for 04149999999")

	o.want(stranger, "PIN "+pin, "Which meter is the voucher for? Send PIN, its 16 digits and the meter number. It was not used.")
	o.want(stranger, "PIN "+pin+" 2009", "Which meter is the voucher for? Send PIN, its 16 digits and the meter number. It was not used.")
	c.ordered(t)
	for range 3 { // more than a stranger's public texts of a day
		o.want(stranger, "PIN "+pin+" "+meterB, "Voucher of KES 100.00 redeemed for meter "+meterB+". The token or the credit goes to the meter and its customer.")
	}
	c.says = refuse.VoucherNotFound()
	if got := o.receive(stranger, "PIN "+pin+" "+meterB); len(got) != 0 { // a stranger's wrong PINs are answered as rarely as anything else of theirs
		t.Errorf("a wrong PIN: %q", got)
	}
}

// TestATelephoneThatChangedHandsBuysAsAStranger: what comes from a telephone that was another customer's a moment ago may be meant for the meter of that
// one. A voucher needs the number of its meter, and nobody is asked to pay.
func TestATelephoneThatChangedHandsBuysAsAStranger(t *testing.T) {
	o, c := shopOffice(t)
	mine := o.mine[amina][0]
	mine.Unsettled = true
	o.mine[amina] = []notify.Subscription{mine}
	o.want(amina, "PIN "+pin, "Which meter is the voucher for? Send PIN, its 16 digits and the meter number. It was not used.")
	o.want(amina, "BUY 500", "This number serves customers of Umeme Mashinani from their registered phones. Help: +254 20 000 0000")
	c.ordered(t)
	o.want(amina, "PIN "+pin+" "+meterB, "Voucher of KES 100.00 redeemed for meter "+meterB+". The token or the credit goes to the meter and its customer.")
	c.ordered(t, "1234567890123452 for "+meterB)
}

// TestAVoucherCountsWhenAnswersAreUsedUp: anybody can send wrong PINs in a customer's name until the telephone gets no more answers. The customer's
// voucher is redeemed all the same, and the wrong ones are not answered for ever.
func TestAVoucherCountsWhenAnswersAreUsedUp(t *testing.T) {
	o, c := shopOffice(t)
	c.says = refuse.VoucherNotFound()
	answered := 0
	for n := range 70 { // more than are stored of one sender in an hour
		answered += len(o.receive(amina, fmt.Sprintf("PIN 1234 5678 9012 %04d", n)))
	}
	if answered != notify.MaxPerSender {
		t.Errorf("%d wrong PINs are answered, want %d", answered, notify.MaxPerSender)
	}
	c.orders, c.says = nil, refusal.Refusal{}
	o.receive(amina, "PIN "+pin)
	c.ordered(t, "1234567890123452 for "+meterA)
	for n := range 30 {
		o.receive(stranger, fmt.Sprintf("PIN 9234 5678 9012 %04d 04149999999", n))
	}
	c.orders = nil
	o.receive(stranger, "PIN "+pin+" 04149999999")
	c.ordered(t, "1234567890123452 for 04149999999")
}

// TestRefusedOrders: every refusal has its own answer, and the message is stored.
func TestRefusedOrders(t *testing.T) {
	for _, c := range []struct {
		text string
		says refusal.Refusal
		want string
	}{
		{pin, refuse.VoucherNotFound(), "No voucher with this PIN can be redeemed."}, {pin, refuse.VoucherPinMistyped("16"), "That is not a voucher's PIN. Send PIN and"},
		{pin, refuse.VoucherUsed("7-00012"), "Voucher 7-00012 was redeemed before, for another meter."}, {pin, refuse.VoucherExpired("7-00012"), "Voucher 7-00012 has expired or was ended."},
		{pin, refuse.VoucherEnded("7-00012"), "Voucher 7-00012 has expired or was ended."}, {pin, refuse.VoucherSaleReversed("7-00012", "pay_1"), "The sale of voucher 7-00012 was reversed."},
		{pin, refuse.VoucherTooManyTries(10), "Too many wrong PINs today."}, {pin, refuse.PaymentMeterUnknown("1"), "Which meter is the voucher for?"},
		{pin, refusal.Refusal{Code: "keystore-locked", Text: "keystore-locked"}, "The voucher cannot be redeemed for meter " + meterA + " now. It is still good."},
		{"BUY 100", refuse.PaymentNoRequester(""), "We cannot ask phones to pay."}, {"BUY 100", refuse.PaymentPhoneAsked("", "3", "10"), "This phone was asked to pay too often."},
		{"BUY 100", refuse.PaymentAskedTooOften(6), "This phone was asked to pay too often."}, {"BUY 0", refuse.PaymentAmountWrong(), "You were not asked to pay: check the amount"},
	} {
		o, shop := shopOffice(t)
		shop.says = c.says
		if got := o.receive(amina, c.text); len(got) != 1 || !strings.HasPrefix(got[0], c.want) || len(o.messages) != 2 {
			t.Errorf("%s: %q, want %q", c.says.Text, got, c.want)
		}
	}
}

// TestBuyBySMS: the telephone is asked once, and the answer says what happens next.
func TestBuyBySMS(t *testing.T) {
	o, c := shopOffice(t)
	o.want(amina, "BUY 100", "Confirm KES 100.00 for meter "+meterA+" on this phone. No request within 10 minutes: send it again.")
	o.want(amina, "buy 100", "This phone was asked already: confirm KES 100.00 for meter "+meterA+" there. You were not asked twice.")
	c.ordered(t, "100 of "+amina+" for "+meterA, "100 of "+amina+" for "+meterA)
	o.want(amina, "BUY", "Send BUY and an amount, such as BUY 500. Several meters: add the meter number. You were not asked to pay.")
	o.want(juma, "BUY 100", "Mita ipi? Tuma NUNUA 100 na namba yake, au NUNUA 100 1, NUNUA 100 2...: 1=04140002009, 2=04140003007")
	o.want(stranger, "BUY 100 "+meterA, "This number serves customers of Umeme Mashinani from their registered phones. Help: +254 20 000 0000")
	c.ordered(t)
}

// TestAnOrderIsCarriedOutOnceForAMessage: a message that came before orders nothing, nor does a request to pay that would get no answer, a message of a
// meter, or one with a missing part. If the message cannot be stored, the route brings it again, and the shop sees the same order.
func TestAnOrderIsCarriedOutOnceForAMessage(t *testing.T) {
	o, c := shopOffice(t)
	send := func(in notify.Incoming) error {
		in.Route, in.From, in.Text = "modem1", amina, "PIN "+pin
		return o.dispatcher().Inbox(1).Receive(t.Context(), in)
	}
	o.broken = true
	if err := send(notify.Incoming{Identity: [16]byte{1}}); err == nil {
		t.Fatal("the message was stored")
	}
	o.broken = false
	for range 2 {
		if err := send(notify.Incoming{Identity: [16]byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
	c.ordered(t, "1234567890123452 for "+meterA, "1234567890123452 for "+meterA)
	if err := send(notify.Incoming{Identity: [16]byte{2}, Missing: 1}); err != nil {
		t.Fatal(err)
	}
	c.broken = errStore
	if err := send(notify.Incoming{Identity: [16]byte{3}}); !errors.Is(err, errStore) || o.known[[16]byte{3}] {
		t.Errorf("an order that broke: %v", err)
	}
	c.broken, c.orders, o.word = nil, nil, "BUY 100"
	for range notify.MaxPerSender - 1 {
		o.messages = append(o.messages, notify.Message{Phone: amina, CreatedAt: o.now.Add(-time.Minute)})
	}
	for n, want := range []int{1, 0} {
		if got := o.receive(amina, fmt.Sprintf("BUY 10%d", n)); len(got) != want {
			t.Errorf("message %d of an hour gets %q", notify.MaxPerSender+n, got)
		}
	}
	c.ordered(t)
}
