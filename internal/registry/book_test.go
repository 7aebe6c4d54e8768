package registry_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
)

func TestCustomersAreFoundByNamePhoneAndMeter(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	amina := tokenMeter(number)
	amina.CustomerID, amina.Customer = "", &registry.NewCustomer{Name: "Amina Achieng", Phone: "+254 700 000 001"}
	w.add(t, amina)
	for _, n := range []registry.NewCustomer{{Name: "Kwame 100%", Phone: "+254711000002"}, {Name: "Élodie_K", Phone: "0722"}, {Name: "No Phone"}} {
		w.now = w.now.Add(time.Millisecond)
		if n.Phone == "0722" {
			n.Phone = "0722123"
		}
		if a, err := w.AddCustomer(t.Context(), boss(), n); err != nil || a.Refused() {
			t.Fatal(a.Refusal, err)
		}
	}
	for text, want := range map[string]string{
		"": "Amina Achieng,Kwame 100%,Élodie_K,No Phone", "ACHIENG": "Amina Achieng", "amina": "Amina Achieng", "0%": "Kwame 100%", "%": "Kwame 100%", "_": "Élodie_K",
		"Élodie": "Élodie_K", "700 000": "Amina Achieng", "+254711": "Kwame 100%", "254": "Amina Achieng,Kwame 100%", number[4:]: "Amina Achieng",
		number[:4] + "-" + number[4:]: "Amina Achieng", "!": "", "nobody": "", "' OR 1=1 --": "",
	} {
		got, err := w.Customers(t.Context(), boss(), text, registry.Page{})
		var names []string
		for _, e := range got.Data {
			names = append(names, e.Name)
			if wantMeters := []string{number}; e.Name == "Amina Achieng" && !slices.Equal(e.Meters, wantMeters) || e.Name != "Amina Achieng" && len(e.Meters) != 0 {
				t.Errorf("%s has the meters %v", e.Name, e.Meters)
			}
		}
		if err != nil || strings.Join(names, ",") != want {
			t.Errorf("%q finds %v, %v; want %s", text, names, err, want)
		}
	}
	first, err := w.Customers(t.Context(), boss(), "254", registry.Page{Limit: 1})
	if err != nil || first.Next == "" {
		t.Fatal(first, err)
	}
	other, err := w.Customers(t.Context(), boss(), "255", registry.Page{Cursor: first.Next})
	refused(t, "a cursor of another search", other.Refusal, err, refusal.InvalidRequest)
	long, err := w.Customers(t.Context(), boss(), strings.Repeat("a", 65), registry.Page{})
	refused(t, "65 characters", long.Refusal, err, refusal.InvalidRequest)
}

func TestTheMetersOfACustomer(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	v := w.add(t, tokenMeter(number)).Meter
	customer := v.Customer.ID.Text(id.Customer)
	meters, err := w.CustomerMeters(t.Context(), boss(), customer)
	if err != nil || len(meters.Data) != 1 || meters.Data[0].Meter.Number != number {
		t.Errorf("meters %+v, %v", meters.Data, err)
	}
	theirs, err := w.CustomerMeters(t.Context(), access.SystemActor(w.other, "test"), customer)
	if err != nil || len(theirs.Data) != 0 {
		t.Errorf("another tenant sees %d meters (%v)", len(theirs.Data), err)
	}
	none, err := w.CustomerMeters(t.Context(), as(access.VendorAPI), customer)
	refused(t, "a vendor's question", none.Refusal, err, refusal.Forbidden)
	wrong, err := w.CustomerMeters(t.Context(), boss(), "cus_x")
	refused(t, "no identity", wrong.Refusal, err, refusal.NotFound)
}
