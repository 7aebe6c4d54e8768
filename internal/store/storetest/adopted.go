package storetest

import (
	"errors"
	"testing"

	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/store"
)

// adoptedDevices checks that a name and a meter have one device each, what the list finds, and the password of devices.
func adoptedDevices(t *testing.T, r Rig) {
	e := r.Open(t)
	one, two := addHousehold(t, e, 1), addHousehold(t, e, 2)
	device := func(name string, meter int64) profile.Adopted {
		return profile.Adopted{Name: name, Client: "DVES_" + name, Profile: "tasmota", Meter: meter, At: base(), By: "person"}
	}
	for _, c := range []struct {
		device profile.Adopted
		want   bool
	}{{device("kitchen", one.meter.N), true}, {device("kitchen", two.meter.N), false}, {device("bath", one.meter.N), false}, {device("bath", two.meter.N), true}} {
		must(t, e, func(tx *store.Tx) error {
			added, err := tx.AddAdopted(c.device)
			if added != c.want {
				t.Errorf("device %+v: stored %t, want %t", c.device, added, c.want)
			}
			return err
		})
	}
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		kitchen, _, err1 := tx.DeviceNamed("kitchen")
		bath, _, err2 := tx.DeviceOf(two.meter.N)
		_, found, err3 := tx.DeviceNamed("attic")
		page, err4 := tx.AdoptedAfter(one.meter.N, 5)
		number, err5 := tx.MeterNumber(two.meter.N)
		hash, err6 := tx.DevicePassword()
		err := errors.Join(err1, err2, err3, err4, err5, err6)
		if err == nil && (kitchen != device("kitchen", one.meter.N) || bath != device("bath", two.meter.N) || found || len(page) != 1 || page[0] != bath || number != two.meter.Number || hash != nil) {
			t.Errorf("kitchen %+v, bath %+v, an unknown name %t, a page %+v, number %s, password %x", kitchen, bath, found, page, number, hash)
		}
		return struct{}{}, err
	})
	must(t, e, func(tx *store.Tx) error { return tx.DropAdopted("kitchen") })
	if _, err := do(e, func(tx *store.Tx) (value, error) { return value{}, tx.DropAdopted("kitchen") }); err == nil {
		t.Error("a device was released twice")
	}
	for _, b := range []byte{1, 2} {
		must(t, e, func(tx *store.Tx) error { return tx.SetDevicePassword([32]byte{b}, base(), "person") })
		look(t, e, func(tx *store.Tx) (struct{}, error) {
			hash, err := tx.DevicePassword()
			if err == nil && hash[0] != b {
				t.Errorf("password %x, want that of %d", hash, b)
			}
			return struct{}{}, err
		})
	}
	must(t, e, func(tx *store.Tx) error { return tx.DropDevicePassword() })
}
