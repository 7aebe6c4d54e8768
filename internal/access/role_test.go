package access_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// matrix repeats the table of roles and rights as a drawing. A change must be made in both, so that nobody changes a right by mistake. The
// columns are the roles in the order of access.Roles.
const matrix = `
                  owner tariff_manager engineer operator supervisor finance support installer auditor vendor_api customer device
meter.read        x     .              x        x        x          x       x       x         x       .          .        .
meter.write       x     .              x        .        .          .       .       x         .       .          .        .
customer.read     x     .              x        x        x          x       x       x         x       .          .        .
customer.write    x     .              x        .        .          .       .       x         .       .          .        .
command.send      x     .              x        .        .          .       .       .         .       .          .        .
vend.quote        x     .              .        x        x          .       x       .         .       x          .        .
vend.sell         x     .              .        x        .          .       .       .         .       x          .        .
vend.read         x     .              x        x        x          x       x       .         x       x          .        .
vend.reverse      x     .              .        .        x          .       .       .         .       .          .        .
till.use          x     .              .        x        x          .       .       .         .       .          .        .
till.read         x     .              .        x        x          x       .       .         x       .          .        .
token.show        x     .              .        x        x          .       .       .         .       x          .        .
tariff.read       x     x              x        x        x          x       x       x         x       x          .        .
tariff.write      x     x              .        .        .          .       .       .         .       .          .        .
ledger.read       x     .              .        .        .          x       .       .         x       .          .        .
audit.read        x     .              .        .        .          .       .       .         x       .          .        .
settings.read     x     x              x        .        .          x       .       .         x       .          .        .
settings.write    x     .              .        .        .          .       .       .         .       .          .        .
key.manage        x     .              .        .        .          .       .       .         .       .          .        .
people.manage     x     .              .        .        .          .       .       .         .       .          .        .
vendor.manage     x     .              .        .        .          x       .       .         .       .          .        .
vendor.deposit    x     .              .        .        .          x       .       .         .       .          .        .
vendor.read       x     .              .        .        x          x       .       .         x       .          .        .
vendor.float      x     .              .        .        x          x       .       .         x       x          .        .
token.issue       x     .              x        .        .          .       .       .         .       .          .        .
token.free        x     .              .        .        x          .       .       .         .       .          .        .
debt.write        x     .              .        .        .          x       .       .         .       .          .        .
ledger.adjust     x     .              .        .        .          x       .       .         .       .          .        .
token.send        x     .              x        x        x          .       x       .         .       .          .        .
reading.decide    x     .              x        .        .          x       .       .         .       .          .        .
payment.read      x     .              .        x        x          x       x       .         x       .          .        .
payment.decide    x     .              .        .        .          x       .       .         .       .          .        .
message.send      x     .              x        x        x          .       x       .         .       .          .        .
`

func TestEveryRoleHasExactlyItsRights(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	roles := strings.Fields(lines[0])
	if len(roles) != len(access.Roles()) || len(lines)-1 != len(access.Rights()) {
		t.Fatalf("the drawing has %d roles and %d rights, the code %d and %d", len(roles), len(lines)-1, len(access.Roles()), len(access.Rights()))
	}
	for i, line := range lines[1:] {
		cells := strings.Fields(line)
		right := access.Rights()[i]
		if cells[0] != string(right) {
			t.Fatalf("row %d is %s, want %s", i, cells[0], right)
		}
		for j, cell := range cells[1:] {
			role := access.Roles()[j]
			if roles[j] != string(role) {
				t.Fatalf("column %d is %s, want %s", j, roles[j], role)
			}
			by := access.Actor{Role: role}
			if role == access.VendorAPI {
				by.Vendor = id.ID{7}
			}
			if want := cell == "x"; by.May(right) != want {
				t.Errorf("%s may %s: got %t, want %t", role, right, by.May(right), want)
			}
			if by.Needs(right).Refused() == by.May(right) {
				t.Errorf("%s: Needs(%s) and May disagree", role, right)
			}
		}
	}
}

// An actor with a vendor sees only that vendor's sales, whatever its role. A vendor's key without a vendor may do and see nothing. Any
// other actor without a vendor sees all sales.
func TestAVendorsKeySeesItsVendorOnly(t *testing.T) {
	mine, theirs, utility := id.ID{7}, id.ID{8}, id.ID{}
	for _, c := range []struct {
		by                  access.Actor
		all, own, oth, own0 bool // whether it sees everything, its own sales, another vendor's, and the utility's
	}{
		{access.Actor{Role: access.VendorAPI}, false, false, false, false},
		{access.Actor{Role: access.VendorAPI, Vendor: mine}, false, true, false, false},
		{access.Actor{Role: access.Operator, Vendor: mine}, false, true, false, false},
		{access.Actor{Role: access.Operator}, true, true, true, true},
		{access.Actor{Role: access.Owner}, true, true, true, true},
	} {
		if got := [...]bool{c.by.OfUtility(), c.by.Sees(mine), c.by.Sees(theirs), c.by.Sees(utility)}; got != [...]bool{c.all, c.own, c.oth, c.own0} {
			t.Errorf("%s of vendor %v sees %v", c.by.Role, c.by.Vendor, got)
		}
	}
	for _, right := range access.Rights() {
		by := access.Actor{Role: access.VendorAPI}
		if no := by.Needs(right); by.May(right) || no.Code != refusal.Forbidden || !strings.Contains(no.What, "names no vendor") {
			t.Errorf("a vendor's key of no vendor may %s: %s", right, no.Detail())
		}
	}
}

func TestUnknownRoleMayNothing(t *testing.T) {
	for _, role := range []access.Role{"", "root", "OWNER"} {
		if role.Known() {
			t.Errorf("role %q is known", role)
		}
		for _, right := range access.Rights() {
			if role.May(right) {
				t.Errorf("role %q may %s", role, right)
			}
		}
	}
	no := access.Actor{}.Needs(access.Sell)
	if no.Code != refusal.Forbidden || no.What == "" || no.Not == "" || no.Try == "" {
		t.Errorf("refusal without a role: %+v, want three sentences", no)
	}
}

func TestSystemActorMayEverything(t *testing.T) {
	by := access.SystemActor(7, "command line")
	if by.Tenant != 7 || by.String() != "system command line" {
		t.Errorf("got %+v %q", by, by)
	}
	for _, right := range access.Rights() {
		if !by.May(right) {
			t.Errorf("the system may not %s", right)
		}
	}
	e := by.Entry("meter.add", "mtr_1")
	if e.Actor != by.String() || e.Action != "meter.add" || e.Object != "mtr_1" {
		t.Errorf("audit entry: %+v", e)
	}
}
