package shoptest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

func TestDigitsHaveNoPrintableForm(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	o := order(m, 10000, "key-number-1")
	var rendered vending.Digits
	render := o.Render
	o.Render = func(sale sale.Sale, d vending.Digits) (int, []byte) { rendered = d; return render(sale, d) }
	sold := s.sell(o)
	digits := sold.Issued.Reveal(0)
	token := sold.Issued.Digits().Token(0)
	replay := s.sell(o)
	var out bytes.Buffer
	for _, v := range []any{sold, &sold, replay, sold.Reply, sold.Issued, sold.Sale, rendered, token, []any{sold}, map[string]any{"x": rendered}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("sold", "sold", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("sold", "sold", v)
	}
	for _, secret := range []string{digits, digits[4:16], token.RevealGrouped(), fmt.Sprintf("%x", digits)} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the digits can be read from a formatted value: %s", secret)
		}
	}
	if len(digits) != 20 || rendered.Reveal(0) != digits {
		t.Errorf("rendered %q, issued %q", rendered.Reveal(0), digits)
	}
}

// fullDoor is the door of a full disk.
type fullDoor struct{ access.Door[vending.Tx] }

func (fullDoor) Do(context.Context, access.Tenant, func(vending.Tx) (bool, error)) error {
	return fmt.Errorf("write: %w", access.ErrFull)
}

// TestASaleIsReadWhereNothingCanBeWritten: digits are not shown without an audit row; the rest is shown.
func TestASaleIsReadWhereNothingCanBeWritten(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1"))
	v := vending.New(vending.Config{Door: fullDoor{s.door}, Issuer: s.issuer, Sealer: s.sealer, Now: s.clock.Now})
	ctx := context.Background()
	byID, err := v.Sale(ctx, owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil {
		t.Fatal(err)
	}
	byRef, err := v.SaleByRef(ctx, owner(), "key-number-1")
	if err != nil {
		t.Fatal(err)
	}
	list, err := v.Tokens(ctx, owner(), m, registry.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if byID.Refused() || byRef.Refused() || list.Refused() || byID.Sale.ID != sold.Sale.ID || byRef.Sale.ID != sold.Sale.ID || len(list.Tokens) != 1 {
		t.Fatalf("read %v, %v, %v", byID, byRef, list)
	}
	for _, issued := range []vending.Issued{byID.Issued, byRef.Issued, list.Issued} {
		if d := issued.Digits(); d.Len() != 0 || d.Withheld() != refusal.StorageFull || d.Change().Withheld() != refusal.StorageFull {
			t.Errorf("%d tokens are shown, withheld is %q", d.Len(), d.Withheld())
		}
	}
}

func TestWhoSeesASale(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1"))
	name := sold.Sale.ID.Text(id.Vend)
	for _, c := range []struct {
		by     access.Actor
		want   refusal.Code
		digits bool
	}{
		{owner(), "", true},
		{access.Actor{Tenant: tenant, Role: access.Operator}, "", true},
		{access.Actor{Tenant: tenant, Role: access.Support}, "", false},
		{access.Actor{Tenant: tenant, Role: access.Installer}, refusal.Forbidden, false},
		{access.Actor{Tenant: tenant, Role: access.VendorAPI, Vendor: id.ID{7}}, refusal.VendNotFound, false},
		{access.Actor{Tenant: tenant, Role: access.VendorAPI}, refusal.Forbidden, false}, // without a vendor
		{access.Actor{Tenant: tenant + 1, Role: access.Owner}, refusal.VendNotFound, false},
	} {
		shown := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'token.show'`)
		got, err := s.Sale(context.Background(), c.by, name)
		if err != nil || got.Code != c.want {
			t.Errorf("%s of tenant %d: %v %q, want %q", c.by.Role, c.by.Tenant, err, got.Code, c.want)
			continue
		}
		if seen := got.Issued.Len() == 1; seen != c.digits || seen && got.Issued.Reveal(0) != sold.Issued.Reveal(0) {
			t.Errorf("%s sees digits: %t, want %t", c.by.Role, seen, c.digits)
		}
		if noted := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'token.show'`) - shown; (noted == 1) != c.digits {
			t.Errorf("%s: %d audit rows about shown digits", c.by.Role, noted)
		}
		if c.want == "" && (got.Sale.Units != 34_700 || sum(got.Sale.Lines) != 10000 || got.Sale.CompletedAt.IsZero() || len(got.Sale.Tokens) != 1 ||
			!got.Sale.PricedAt.Equal(monday()) || line(t, got.Sale, sale.LineEnergy).Steps[0].Rate != 2_500_000) {
			t.Errorf("read back: %+v", got.Sale)
		}
	}
	for _, bad := range []string{"", "vnd_nonsense", id.ID{1}.Text(id.Vend), "key-number-1"} {
		if got, err := s.Sale(context.Background(), owner(), bad); err != nil || got.Code != refusal.VendNotFound {
			t.Errorf("sale %q: %v %q, want %s", bad, err, got.Code, refusal.VendNotFound)
		}
	}
	if got, err := s.SaleByRef(context.Background(), owner(), "key-number-1"); err != nil || got.Sale.ID != sold.Sale.ID {
		t.Errorf("by its reference: %v %q %v", err, got.Code, got.Sale.ID)
	}
	if got, err := s.SaleByRef(context.Background(), owner(), "nothing-here"); err != nil || got.Code != refusal.VendNotFound {
		t.Errorf("an unknown reference: %v %q, want %s", err, got.Code, refusal.VendNotFound)
	}
}

func TestTokensOfAMeterNewestFirst(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	m, other := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
	var want []string
	for n := range 5 {
		s.clock.add(time.Minute)
		want = append([]string{s.sell(order(m, 10000, fmt.Sprintf("key-number-%d", n))).Issued.Reveal(0)}, want...)
	}
	s.sell(order(other, 10000, "key-number-x"))
	var got []string
	page := registry.Page{Limit: 2}
	for {
		list, err := s.Tokens(context.Background(), owner(), m, page)
		if err != nil || list.Refused() || list.Issued.Len() != len(list.Tokens) {
			t.Fatalf("page after %q: %v %s, %d digits of %d", page.Cursor, err, list.Detail(), list.Issued.Len(), len(list.Tokens))
		}
		for i := range list.Tokens {
			got = append(got, list.Issued.Reveal(i))
		}
		if page.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the pages do not hold the five tokens, newest first")
	}
	if list, err := s.Tokens(context.Background(), access.Actor{Tenant: tenant, Role: access.Support}, m, registry.Page{}); err != nil || len(list.Tokens) != 5 || list.Issued.Len() != 0 {
		t.Errorf("support: %v, %d tokens, %d digits; want 5 and none", err, len(list.Tokens), list.Issued.Len())
	}
	for _, bad := range []registry.Page{{Limit: -1}, {Limit: registry.MaxLimit + 1}, {Cursor: "AAAA"}, {Cursor: strings.Repeat("A", 32)}} {
		if list, err := s.Tokens(context.Background(), owner(), m, bad); err != nil || list.Code != refusal.InvalidRequest {
			t.Errorf("page %+v: %v %q, want %s", bad, err, list.Code, refusal.InvalidRequest)
		}
	}
	if list, err := s.Tokens(context.Background(), owner(), numberOf(t, 3), registry.Page{}); err != nil || list.Code != refusal.MeterNotFound {
		t.Errorf("unknown meter: %v %q", err, list.Code)
	}
}

func TestAPushedTokenIsOpenedWhenItIsSent(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	o := order(m, 10000, "key-number-1")
	o.Deliver = []string{sale.RouteMQTT}
	sold := s.sell(o)
	s.do(func(tx *storeTx) error {
		token, number, found, err := tx.TokenForPush(sold.Sale.Tokens[0].ID)
		if err != nil {
			return err
		}
		if !found || number != m {
			return fmt.Errorf("token for push: %q, found %t", number, found)
		}
		digits, err := s.sealer.Open(sale.TokenContext(token.ID), token.Sealed)
		if err != nil || string(digits) != sold.Issued.Reveal(0) {
			t.Errorf("the sealed digits do not open to those that were sold: %v", err)
		}
		if _, _, found, err := tx.TokenForPush(id.ID{1}); err != nil {
			return err
		} else if found {
			t.Error("an unknown token was found")
		}
		return tx.TokenSent(token.ID)
	})
	got, err := s.Sale(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || got.Sale.Tokens[0].State != sale.TokenSent {
		t.Errorf("state %s (%v), want %s", got.Sale.Tokens[0].State, err, sale.TokenSent)
	}
}

func TestAReceiptSaysWhatATaxInvoiceMust(t *testing.T) {
	s := open(t, true)
	s.do(func(tx *storeTx) error { return setTZ(tx, "Africa/Nairobi") })
	m := s.meter(1, place{tariff: s.publish("blocks", ibt(), monday()), meter: func(m *registry.Meter) { m.Simulated = true }})
	sold := s.sell(order(m, 20000, "till3-000017"))
	got, err := s.Receipt(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || got.Refused() {
		t.Fatalf("receipt: %v %s", err, got.Detail())
	}
	text := print.Text48(english(t), got.Receipt)
	b, err := receipt.JSON(got.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	grouped := sold.Issued.Digits().Token(0).RevealGrouped()
	for _, want := range []string{"*** TEST ***", "TEST RECEIPT", "Lake Power", "P000000000A", "main-000001", "2026-11-20 11:00 EAT", "till3-000017",
		"Amina A.", "12 Lake Road", m, "SGC 201457 KRN 1 TI 01 TT 02 EA 07", "blocks", "50.0 kWh @ 1.20", "71.1 kWh @ 1.60", "173.76", "26.06",
		"0.18", "200.00", "121.1 kWh", grouped} {
		if !strings.Contains(text, want) {
			t.Errorf("the receipt lacks %q:\n%s", want, text)
		}
	}
	for _, want := range []string{`"test":true`, `"units_wh":121100`, `"vat_minor":2606`, `"net_minor":17376`, `"digits":"` + grouped + `"`, `"price":"1.60"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the JSON lacks %s: %s", want, b)
		}
	}
	masked, err := s.Receipt(context.Background(), access.Actor{Tenant: tenant, Role: access.Support}, sold.Sale.ID.Text(id.Vend))
	if err != nil || strings.Contains(print.Text48(english(t), masked.Receipt), grouped) || !strings.Contains(print.Text48(english(t), masked.Receipt), receipt.Hidden) {
		t.Errorf("support's receipt: %v\n%s", err, print.Text48(english(t), masked.Receipt))
	}
	if got, err := s.Receipt(context.Background(), owner(), "vnd_none"); err != nil || got.Code != refusal.VendNotFound {
		t.Errorf("receipt of no sale: %v %q", err, got.Code)
	}
}

func TestASaleWithoutATokenHasNoReceipt(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	s.refused(order(m, 10000, "key-number-1"), refusal.IssuerUnknown)
	held, err := s.SaleByRef(context.Background(), owner(), "key-number-1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Receipt(context.Background(), owner(), held.Sale.ID.Text(id.Vend)); err != nil || got.Code != refusal.VendNotFound {
		t.Errorf("receipt of a held sale: %v %q, want %s", err, got.Code, refusal.VendNotFound)
	}
}
