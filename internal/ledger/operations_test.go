package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/ledger"
)

// operation is one row of docs/reference/postings.md#operations: the lines of the constructor and the lines of the table.
type operation struct {
	name string
	got  []ledger.Posting
	want string
}

func till() ledger.AccountRef {
	return ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}
}

func ref(c ledger.Code, subject string) ledger.AccountRef {
	return ledger.AccountRef{Code: c, Subject: subject}
}

// hundred returns the sale of 100.00 on which most rows are based: 34.7 kWh at 2.50 with 15 % tax.
func hundred(source ledger.AccountRef) ledger.SaleEntry {
	return ledger.SaleEntry{Source: source, Tender: 10000, Account: "a", Energy: 8675, VAT: 1301, Carry: 24}
}

// p8 returns the sale of 500.00 with a fixed charge of 98.00 and tax, and 20 % towards a debt.
func p8() []ledger.Posting {
	return ledger.SalePostings(ledger.SaleEntry{Source: till(), Tender: 50000, Account: "a", Energy: 24976, VAT: 1470 + 3746, Carry: 8,
		Others: []ledger.Posting{line(ledger.RevenueFixed, "", -9800), line(ledger.Debt, "a:d", -10000)}})
}

// table returns every row that posts, except P11 and P23, which TestAReversalIsTheExactMirror covers.
func table() []operation {
	return []operation{
		{"P1", ledger.SalePostings(hundred(till())), "1000 main 10000, 4000 -8675, 2020 -1301, 2060 a -24"},
		{"P2", ledger.PaymentReceived("mpesa", "p", 10000), "1020 mpesa 10000, 2070 p -10000"},
		{"P3", ledger.SalePostings(hundred(ref(ledger.Unapplied, "p"))), "2070 p 10000, 4000 -8675, 2020 -1301, 2060 a -24"},
		{"P4", ledger.ProviderSettled("b", "mpesa", 10000, 55), "1010 b 9945, 5010 55, 1020 mpesa -10000"},
		{"P5", ledger.FloatDeposited("b", "v", 500000), "1010 b 500000, 2040 v -500000"},
		{"P6", ledger.SalePostings(hundred(ref(ledger.Float, "v"))), "2040 v 10000, 4000 -8675, 2020 -1301, 2060 a -24"},
		{"P7", ledger.CommissionEarned("v", 130, 20), "5000 130, 2022 20, 2040 v -150"},
		{"P8", p8(), "1000 main 50000, 4010 -9800, 1100 a:d -10000, 4000 -24976, 2020 -5216, 2060 a -8"},
		{"P9", ledger.SalePostings(ledger.SaleEntry{Source: till(), Tender: 10000, Account: "a", CarryIn: 25, Energy: 8700, VAT: 1305, Carry: 20}),
			"1000 main 10000, 2060 a 25, 4000 -8700, 2020 -1305, 2060 a -20"},
		{"P10", ledger.FreeUnitsFunded("basic", 6000, 900), "1200 basic 6900, 4040 -6000, 2020 -900"},
		{"P12", ledger.DebtRaised("a:d", ledger.Posting{Account: ref(ledger.Opening, ""), Amount: -60000}), "1100 a:d 60000, 3000 -60000"},
		{"P13", ledger.GoodwillGiven(ref(ledger.Wallet, "a"), 1000), "5030 1000, 2000 a -1000"},
		{"P14", ledger.ServicePaid(till(), 5000, 750), "1000 main 5750, 4030 -5000, 2020 -750"},
		{"P15", ledger.WalletToppedUp(ref(ledger.Clearing, "mpesa"), "a", 10000, 0), "1020 mpesa 10000, 2000 a -10000"},
		{"P15 with tax on advances", ledger.WalletToppedUp(till(), "a", 10000, 1304), "1000 main 10000, 2000 a -10000, 1400 1304, 2020 -1304"},
		{"P16", ledger.WalletUsed("a", 250, 37, false), "2000 a 287, 4000 -250, 2020 -37"},
		{"P16 with tax on advances", ledger.WalletUsed("a", 250, 37, true), "2000 a 287, 4000 -250, 1400 -37"},
		{"P16 with a part of the tax on advances", ledger.FromAdvances(ledger.WalletUsed("a", 250, 37, false), 30), "2000 a 287, 4000 -250, 2020 -7, 1400 -30"},
		{"P16 after a reversal", ledger.FromAdvances(ledger.WalletUsed("a", 287, 0, false), -5), "2000 a 287, 4000 -287, 2020 -5, 1400 5"},
		{"P17 with tax on advances", ledger.FromAdvances(ledger.WalletCharged("a", 283, 43), 43), "2000 a 326, 4010 -283, 1400 -43"},
		{"P18 with tax on advances", ledger.MovedOut(ledger.Leaving{Account: "a", Wallet: 100, Advanced: 13}), "2000 a 100, 2090 a -100, 2020 13, 1400 -13"},
		{"P17", ledger.WalletCharged("a", 283, 43), "2000 a 326, 4010 -283, 2020 -43"},
		{"P18", ledger.MovedOut(ledger.Leaving{Account: "a", Wallet: 12345, Deposit: 20000, Debts: []ledger.Owed{{Debt: "a:d", Amount: 7000}}}),
			"2000 a 12345, 2080 a 20000, 1100 a:d -7000, 2090 a -25345"},
		{"P18 with a carry", ledger.MovedOut(ledger.Leaving{Account: "a", Deposit: 100, Carry: 24}), "2080 a 100, 2060 a 24, 2090 a -124"},
		{"P18 with debts above the money", ledger.MovedOut(ledger.Leaving{Account: "a", Deposit: 100, Debts: []ledger.Owed{{"a:d", 70}, {"a:e", 70}}}),
			"2080 a 100, 1100 a:d -70, 1100 a:e -30"},
		{"P18 paid", ledger.RefundPaid("b", "a", 25345), "2090 a 25345, 1010 b -25345"},
		{"P19", ledger.UnitsReturned("a", 2500, 375), "4000 2500, 2020 375, 2090 a -2875"},
		{"P20", ledger.DebtWrittenOff("a:d", 7000), "5020 7000, 1100 a:d -7000"},
		{"P21", ledger.CashedUp("b", "s", 10050, 10000), "1010 b 10000, 5040 50, 1000 s -10050"},
		{"P21 with too much", ledger.CashedUp("b", "s", 10000, 10050), "1010 b 10050, 5040 -50, 1000 s -10000"},
		{"P24", ledger.TillOpened("b", "s", 50000), "1000 s 50000, 1010 b -50000"},
		{"P25", ledger.TillPaidOut("b", "s", 20000), "1010 b 20000, 1000 s -20000"},
		{"P26", ledger.CashPaidBack(ref(ledger.Till, "s"), till(), 10000), "1000 s 10000, 1000 main -10000"},
		{"P27", ledger.BalanceBrought(ref(ledger.Wallet, "a"), 25000), "3000 25000, 2000 a -25000"},
		{"P28", ledger.VouchersSold(till(), "b", 100000), "1000 main 100000, 2075 b -100000"},
		{"P29", ledger.VoucherRedeemed("b", "p", 10000), "2075 b 10000, 2070 p -10000"},
		{"P30", ledger.VouchersEnded("b", 10000), "2075 b 10000, 4050 b -10000"},
		{"P31", ledger.PaymentTakenBack(ref(ledger.Debt, "a:d"), "mpesa", 10000, 0), "1100 a:d 10000, 1020 mpesa -10000"},
		{"P31 from a wallet", ledger.PaymentTakenBack(ref(ledger.Wallet, "a"), "mpesa", 10000, 0), "2000 a 10000, 1020 mpesa -10000"},
		{"P33", ledger.ChargesGivenBack(ref(ledger.Carry, "a"), 8696, 1304, nil), "4010 8696, 2020 1304, 2060 a -10000"},
		{"P33 for a wallet", ledger.ChargesGivenBack(ref(ledger.Wallet, "a"), 8696, 1304, nil), "4010 8696, 2020 1304, 2000 a -10000"},
		{"P33 after a move-out", ledger.ChargesGivenBack(ref(ledger.RefundDue, "a"), 8696, 1304, nil), "4010 8696, 2020 1304, 2090 a -10000"},
		{"P33 that pays a debt", ledger.ChargesGivenBack(ref(ledger.RefundDue, "a"), 8696, 1304, []ledger.Owed{{Debt: "a d1", Amount: 7000}}),
			"4010 8696, 2020 1304, 1100 a d1 -7000, 2090 a -3000"},
		{"P33 with tax on advances", ledger.FromAdvances(ledger.ChargesGivenBack(ref(ledger.Wallet, "a"), 8696, 1304, nil), -1304), "4010 8696, 2000 a -10000, 1400 1304"},
		{"P32", ledger.DebtTakenOver("a:d", "b:d", 7000), "1100 b:d 7000, 1100 a:d -7000"},
		{"P31 with tax on advances", ledger.PaymentTakenBack(ref(ledger.Wallet, "a"), "mpesa", 10000, 1304), "2000 a 10000, 1020 mpesa -10000, 2020 1304, 1400 -1304"},
		{"P22", ledger.PaymentReturned("mpesa", "p", 10000), "2070 p 10000, 1020 mpesa -10000"},
	}
}

func text(lines []ledger.Posting) string {
	var out []string
	for _, p := range lines {
		subject := ""
		if p.Account.Subject != "" {
			subject = " " + p.Account.Subject
		}
		out = append(out, fmt.Sprintf("%d%s %d", p.Account.Code, subject, p.Amount))
	}
	return strings.Join(out, ", ")
}

// TestEveryOperation checks every row of docs/reference/postings.md#operations with its figures.
func TestEveryOperation(t *testing.T) {
	b := open(t)
	for _, o := range table() {
		if got := text(o.got); got != o.want {
			t.Errorf("%s\n got  %s\n want %s", o.name, got, o.want)
		}
		if _, err := ledger.New(ledger.Journal{ID: b.next(), Kind: ledger.Vend, Ref: o.name, PostedAt: at(0), Postings: o.got}); err != nil {
			t.Errorf("%s is no journal: %v", o.name, err)
		}
	}
	t.Logf("figures: %d operations of the ledger table, each line as in the reference", len(table()))
}

// TestAReversalIsTheExactMirror checks P11 and the first half of P23: a reversal undoes any operation to the last unit.
func TestAReversalIsTheExactMirror(t *testing.T) {
	for _, o := range table() {
		b := open(t)
		b.free = true
		j := b.post("x", o.got...)
		b.mirror(j)
		for a, balance := range b.balances {
			if balance != 0 {
				t.Errorf("after %s and its mirror account %v holds %d", o.name, a, balance)
			}
		}
	}
}

func TestASaleThatMovesNoMoneyHasNoLines(t *testing.T) {
	if got := ledger.SalePostings(ledger.SaleEntry{Source: till(), Account: "a", CarryIn: 13, Carry: 13}); len(got) != 0 {
		t.Errorf("got %v, want no lines", got)
	}
	funded := ledger.SalePostings(ledger.SaleEntry{Source: till(), Account: "a", Funding: ledger.FreeUnitsFunded("basic", 6000, 900)})
	if got, want := text(funded), "1200 basic 6900, 4040 -6000, 2020 -900"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestManyMonthsOfAChargeAreOneLine(t *testing.T) {
	e := ledger.SaleEntry{Source: till(), Tender: 300, Account: "a"}
	for range 100 {
		e.Others = append(e.Others, line(ledger.RevenueFixed, "", -2), line(ledger.Debt, "a:d", -1))
	}
	if got, want := text(ledger.SalePostings(e)), "1000 main 300, 4010 -200, 1100 a:d -100"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTaxFromAdvances checks that tax that was taken with top-ups pays a part of the journal's tax. The journal's tax line may be anywhere,
// or be missing. The lines passed in must not change.
func TestTaxFromAdvances(t *testing.T) {
	for _, c := range []struct {
		lines []ledger.Posting
		part  ledger.Minor
		tax   ledger.Minor // TaxOf the lines passed in
		want  string
	}{
		{[]ledger.Posting{line(2020, "", -43), line(4000, "", -283), line(2000, "a", 326)}, 40, 43, "2020 -3, 4000 -283, 2000 a 326, 1400 -40"},
		{[]ledger.Posting{line(2000, "a", 326), line(4000, "", -283), line(2020, "", -43)}, 43, 43, "2000 a 326, 4000 -283, 1400 -43"},
		{[]ledger.Posting{line(2000, "a", 326), line(4000, "", -283), line(2020, "", -43)}, -7, 43, "2000 a 326, 4000 -283, 2020 -50, 1400 7"},
		{[]ledger.Posting{line(2000, "a", 283), line(4000, "", -283)}, 5, 0, "2000 a 283, 4000 -283, 2020 5, 1400 -5"},
		{[]ledger.Posting{line(2000, "a", 283), line(4000, "", -283)}, 0, 0, "2000 a 283, 4000 -283"},
	} {
		before := text(c.lines)
		if got := text(ledger.FromAdvances(c.lines, c.part)); got != c.want || text(c.lines) != before {
			t.Errorf("%d of %s: %s, want %s; handed in were then %s", c.part, before, got, c.want, text(c.lines))
		}
		if got := ledger.TaxOf(c.lines); got != c.tax {
			t.Errorf("%s owes a tax of %d, want %d", before, got, c.tax)
		}
	}
}
