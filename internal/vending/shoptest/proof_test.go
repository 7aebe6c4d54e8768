package shoptest_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// proven returns the receipt of a sale with its proof, once it is sealed.
func (s *shop) proven(sale sale.Sale, by access.Actor) (vending.ProvenReceipt, []byte) {
	s.t.Helper()
	var p vending.ProvenReceipt
	await.True(s.t, "the sale is sealed", func() bool {
		var err error
		if p, err = s.Proof(context.Background(), by, sale.ID.Text(id.Vend), 0); err != nil {
			s.t.Fatal(err)
		}
		return p.Code != refusal.NotSealedYet || !onPostgres // there the leader seals soon
	})
	if p.Refused() {
		return p, nil
	}
	b, err := p.JSON()
	if err != nil {
		s.t.Fatal(err)
	}
	return p, b
}

// TestEverySaleIsProvenByItsReceipt proves small sales and sales of several tokens and blocks, with a local and an external issuer, and for
// an actor who may not see the digits.
func TestEverySaleIsProvenByItsReceipt(t *testing.T) {
	for _, local := range []bool{true, false} {
		t.Run(fmt.Sprintf("local %t", local), func(t *testing.T) {
			s := open(t, local)
			blocks := s.publish("blocks", ibt(), monday())
			var sales []sale.Sale
			for n, minor := range []money.Minor{10_000, 1_000, 150_000} {
				s.clock.add(time.Minute)
				by := owner()
				by.IP = "192.0.2.77"
				sold, err := s.Sell(context.Background(), by, order(s.meter(n+1, place{tariff: blocks}), minor, fmt.Sprintf("proof-key-%d", n)))
				if err != nil || sold.Refused() {
					t.Fatal(err, sold.Detail())
				}
				sales = append(sales, sold.Sale)
			}
			for _, sale := range sales {
				for _, by := range []access.Actor{owner(), {Tenant: tenant, Role: access.Support}} {
					_, paper := s.proven(sale, by)
					v := proof.Check(proof.Question{Receipt: paper, Key: s.engine.Keys().Public})
					if v.Answer != proof.Proven || v.Receipt.Sale != sale.ID.Text(id.Vend) {
						t.Errorf("%s: %s %s %q\n%s", by.Role, v.Answer, v.What, v.Changed, paper)
					}
					if bytes.Contains(paper, []byte("192.0.2.77")) {
						t.Error("the proof shows from where the sale was asked for")
					}
					forged := bytes.Replace(paper, fmt.Appendf(nil, `"tender_minor":%d`, sale.Tender.Minor), fmt.Appendf(nil, `"tender_minor":%d`, sale.Tender.Minor+1), 1)
					if v := proof.Check(proof.Question{Receipt: forged, Key: s.engine.Keys().Public}); v.Answer != proof.Changed {
						t.Errorf("with another tender: %s", v.Answer)
					}
				}
			}
		})
	}
}

func TestWhoGetsNoProof(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "proof-key-1"))
	p, _ := s.proven(sold.Sale, owner())
	size := p.Proof.Path.Size
	for name, c := range map[string]struct {
		by   access.Actor
		sale string
		size int64
		want refusal.Code
	}{
		"another tenant":      {access.Actor{Tenant: tenant + 1, Role: access.Owner}, sold.Sale.ID.Text(id.Vend), 0, refusal.VendNotFound},
		"another vendor":      {access.Actor{Tenant: tenant, Role: access.VendorAPI, Vendor: id.ID{7}}, sold.Sale.ID.Text(id.Vend), 0, refusal.VendNotFound},
		"no right":            {access.Actor{Tenant: tenant, Role: access.Installer}, sold.Sale.ID.Text(id.Vend), 0, refusal.Forbidden},
		"no such sale":        {owner(), "vnd_nonsense", 0, refusal.VendNotFound},
		"no head of the size": {owner(), sold.Sale.ID.Text(id.Vend), size + 1_000_000, refusal.NotFound},
		"a head before it":    {owner(), sold.Sale.ID.Text(id.Vend), p.Proof.Path.Pos, refusal.NotFound},
	} {
		got, err := s.Proof(context.Background(), c.by, c.sale, c.size)
		if err != nil || got.Code != c.want {
			t.Errorf("%s: %v %q, want %s", name, err, got.Code, c.want)
		}
	}
	if again, err := s.Proof(context.Background(), owner(), sold.Sale.ID.Text(id.Vend), size); err != nil || again.Proof.Head != p.Proof.Head {
		t.Errorf("under the same head again: %v %s", err, again.Detail())
	}
	// A sale whose row was edited in the database gets no proof, because its receipt would differ from the sealed one.
	s.exec(`UPDATE vend SET carry_in = carry_in + 1, carry_out = carry_out + 1 WHERE id = $1`, sold.Sale.ID)
	if got, err := s.Proof(context.Background(), owner(), sold.Sale.ID.Text(id.Vend), 0); err == nil {
		t.Errorf("an edited sale: %q %v", got.Code, got.Receipt.CarryOut)
	}
}
